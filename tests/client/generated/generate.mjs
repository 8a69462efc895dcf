// node generate.mjs DOCUMENT OUT.ts: types of openapi-typescript, in which the photo of a form is a Blob.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const blob = ts.factory.createTypeReferenceNode("Blob");
const [source, target] = process.argv.slice(2);
const types = await openapiTS(JSON.parse(readFileSync(source, "utf8")), {
  transform: (schema) => (schema.format === "binary" ? blob : undefined),
});
writeFileSync(target, astToString(types));
