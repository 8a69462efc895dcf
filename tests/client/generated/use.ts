// A program as a frontend has it: it searches with a photo, for an item and for words, and shows an error.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

type Schemas = components["schemas"];
const client = createClient<paths>({ baseUrl: process.argv[2] });

function asForm(body: unknown): FormData {
  const form = new FormData();
  for (const photo of (body as Schemas["PhotosForm"]).file) form.append("file", photo, "photo.jpg");
  return form;
}

const stored = await client.GET("/images/{image_id}", {
  params: { path: { image_id: "003a" } },
  parseAs: "blob",
});
const photo: Blob | undefined = stored.data;
if (photo === undefined) throw new Error("no photo");
const file: Schemas["PhotosForm"]["file"] = [photo];
// @ts-expect-error: a text is no photo
const text: Schemas["PhotosForm"]["file"] = ["photo"];

const predicted = await client.POST("/predict", { params: { query: { k: 2 } }, body: { file }, bodySerializer: asForm });
const several = await client.POST("/predict/similar_images", {
  params: { query: { k: 3, rank: "cosine" } },
  body: { file: [photo, photo] },
  bodySerializer: asForm,
});
const item = await client.GET("/items/{image_id}", { params: { path: { image_id: "003a" } } });
const found = await client.GET("/search", { params: { query: { q: "listing", k: 2 } } });
const refused = await client.GET("/items/{image_id}/similar", {
  params: { path: { image_id: "003a" }, query: { k: 1000 } },
});
const problem = refused.error;
const category: string | undefined = predicted.data?.category;
const price: number | null | undefined = item.data?.price;

console.log(
  JSON.stringify({
    category,
    nearest: predicted.data?.results.map((result) => result.image_id),
    several: several.data?.results.length,
    price,
    found: found.data?.results.length,
    detail: problem && "detail" in problem ? problem.detail : null,
    status: refused.response.status,
    photo: photo.size,
    text: text.length,
  }),
);
