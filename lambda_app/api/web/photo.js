// Makes a photo fit to send: the API reads JPEG, PNG and WebP of up to 4 MiB a request.

const MIB = 1 << 20;
const DIRECT_LIMIT = 4 * MIB - 4096; // less what multipart framing adds
const SENT_SIDE = 1600; // pixels; many times what the model looks at
const READABLE = ["image/jpeg", "image/png", "image/webp"];

/**
 * What to send for a chosen file: {blob, note}. `note` says in words what was changed, or is empty.
 * A file that this browser cannot read goes as it is, for the API to judge; too large a one throws.
 */
export async function prepare(file) {
  const fits = file.size <= DIRECT_LIMIT;
  const foreign = file.type.startsWith("image/") && !READABLE.includes(file.type);
  if (fits && !foreign) return { blob: file, note: "" };
  try {
    return await shrink(file);
  } catch (error) {
    if (fits) return { blob: file, note: "" };
    throw new Error(
      `${file.name || "The file"} is ${megabytes(file.size)}; up to ${megabytes(4 * MIB)} can be sent, and this browser cannot read it as a photo to make it smaller.`,
      { cause: error },
    );
  }
}

/** The photo as a JPEG of at most 1600 pixels a side, upright: {blob, note}. */
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
    note: `Sent as a ${canvas.width} × ${canvas.height} JPEG of ${megabytes(blob.size)}, made in your browser from ${width} × ${height}, ${megabytes(file.size)}.`,
  };
}

/** 2411724 -> "2.3 MiB" */
export function megabytes(bytes) {
  return bytes < 0.1 * MIB ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}
