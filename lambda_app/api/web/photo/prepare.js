// Prepares a photo for upload: the API accepts JPEG, PNG, WebP and AVIF, and a smaller photo is sent sooner. The model's input is
// many times smaller than what is sent here, so the answer stays the same.

import { megabytes } from "../view/text.js";

const MIB = 1 << 20;
const DIRECT_LIMIT = 4 * MIB - 4096; // the rest is for the multipart boundaries and headers
const SENT_BYTES = 300 * 1024;
const SENT_SIDE = 1600; // pixels
const STEPS = [[SENT_SIDE, 0.9], [SENT_SIDE, 0.8], [1280, 0.8], [1024, 0.75]]; // side, quality; until it is small enough
const READABLE = ["image/jpeg", "image/png", "image/webp", "image/avif"];

/**
 * What to send for a chosen file: {blob, note}. `note` is a text about the conversion, or empty if there was none.
 * A file that this browser cannot read is sent unchanged, so that the API decides; if that cannot work, this throws.
 */
export async function prepare(file) {
  const readable = READABLE.includes(file.type) || !file.type.startsWith("image/");
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (error) {
    if (isHeic(file)) {
      throw new Error(
        "It is a HEIC photo, as iPhones take them, and this browser cannot read it. Share or export it as a JPEG. To take JPEGs from now on: Settings, Camera, Formats, Most Compatible.",
        { cause: error },
      );
    }
    if (file.size <= DIRECT_LIMIT) return { blob: file, note: "" };
    throw new Error(
      `${file.name || "The file"} has ${megabytes(file.size)}. The limit is ${megabytes(4 * MIB)}, and this browser cannot read the file as a photo to make it smaller.`,
      { cause: error },
    );
  }
  try {
    const small = file.size <= SENT_BYTES && Math.max(bitmap.width, bitmap.height) <= SENT_SIDE;
    return small && readable ? { blob: file, note: "" } : await shrunk(file, bitmap, readable);
  } finally {
    bitmap.close();
  }
}

/** What to send for the chosen files of one thing: {blobs, note}. */
export async function prepareAll(files) {
  const sent = await Promise.all(files.map(prepare));
  return { blobs: sent.map(({ blob }) => blob), note: sent.map(({ note }) => note).filter(Boolean).join(" · ") };
}

function isHeic({ name = "", type }) {
  return /^image\/hei[cf]/.test(type) || /\.hei[cf]$/i.test(name);
}

// An upright JPEG of the photo, with transparent parts white, as training prepares photos.
async function shrunk(file, bitmap, readable) {
  const largest = Math.max(bitmap.width, bitmap.height);
  let blob;
  let side;
  for (const [most, quality] of STEPS) {
    side = Math.min(most, largest);
    blob = await encoded(bitmap, side / largest, quality);
    if (blob.size <= SENT_BYTES) break;
  }
  if (readable && blob.size >= file.size) return { blob: file, note: "" };
  const note = `Made smaller: ${megabytes(file.size)} to ${megabytes(blob.size)}, ${largest} to ${side} pixels`;
  return { blob, note };
}

async function encoded(bitmap, scale, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
  if (!blob) throw new Error("The browser could not encode the photo.");
  return blob;
}
