// Prepares a photo for upload: the API accepts JPEG, PNG, WebP and AVIF, and requests of up to 4 MiB.

const MIB = 1 << 20;
const DIRECT_LIMIT = 4 * MIB - 4096; // the rest is for the multipart boundaries and headers
const SENT_SIDE = 1600; // pixels; many times the input size of the model
const READABLE = ["image/jpeg", "image/png", "image/webp", "image/avif"];

/**
 * What to send for a chosen file: {blob, note}. `note` is a text about the conversion, or empty if there was none.
 * A file that this browser cannot read is sent unchanged, so that the API decides; if it is too large, this throws.
 */
export async function prepare(file) {
  const fits = file.size <= DIRECT_LIMIT;
  const unsupported = file.type.startsWith("image/") && !READABLE.includes(file.type);
  if (fits && !unsupported) return { blob: file, note: "" };
  try {
    return await shrink(file);
  } catch (error) {
    if (fits) return { blob: file, note: "" };
    throw new Error(
      `${file.name || "The file"} has ${megabytes(file.size)}. The limit is ${megabytes(4 * MIB)}, and this browser cannot read the file as a photo to make it smaller.`,
      { cause: error },
    );
  }
}

/**
 * What to send for the chosen files of one thing: {blobs, note}. Together they must fit into one request, so several
 * are made smaller if they do not.
 */
export async function prepareAll(files) {
  const sent = await Promise.all(files.map(prepare));
  const fit = sent.reduce((sum, { blob }) => sum + blob.size, 0) <= DIRECT_LIMIT;
  return joined(fit ? sent : await Promise.all(files.map(shrink)));
}

/** Convert all photos to smaller ones: {blobs, note}. */
export async function shrinkAll(files) {
  return joined(await Promise.all(files.map(shrink)));
}

function joined(sent) {
  return { blobs: sent.map(({ blob }) => blob), note: sent.map(({ note }) => note).filter(Boolean).join(" ") };
}

/** Convert a photo to an upright JPEG with sides of at most 1600 pixels: {blob, note}. */
export async function shrink(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, SENT_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const [width, height] = [bitmap.width, bitmap.height];
  bitmap.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
  if (!blob) throw new Error("the browser could not encode the photo");
  return {
    blob,
    note: `Converted in your browser from ${width} × ${height} pixels (${megabytes(file.size)}) to a JPEG of ${canvas.width} × ${canvas.height} pixels (${megabytes(blob.size)}).`,
  };
}

/** 2411724 -> "2.3 MiB" */
export function megabytes(bytes) {
  return bytes < 0.1 * MIB ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}
