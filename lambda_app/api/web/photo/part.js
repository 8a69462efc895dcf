// A dialog in which a part of the photo is chosen: dragged with a pointer, or moved with the arrow keys.

import { byId } from "../view/text.js";

const LEAST = 0.05; // of width and height
const STEP = 0.05;
const WHOLE = [0, 0, 1, 1];

let box = WHOLE;
let begun = null; // where a drag began

/** Let the visitor choose a part of a photo. Resolves to "left,top,width,height", "" for the whole photo, null if nothing changes. */
export function choosePart(photo, current) {
  const dialog = byId("part");
  byId("part-photo").src = photo;
  draw(current ? current.split(",").map(Number) : WHOLE);
  dialog.returnValue = "";
  dialog.showModal();
  byId("part-box").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "search" ? text() : dialog.returnValue === "whole" ? "" : null), {
      once: true,
    });
  });
}

function text() {
  if (box.every((share, n) => Math.abs(share - WHOLE[n]) < 0.005)) return "";
  const [left, top, width, height] = box.map((share) => Math.floor(share * 1000) / 1000);
  return [left, top, width, height].join(",");
}

function draw([left, top, width, height]) {
  const wide = Math.min(1, Math.max(LEAST, width));
  const high = Math.min(1, Math.max(LEAST, height));
  box = [Math.min(1 - wide, Math.max(0, left)), Math.min(1 - high, Math.max(0, top)), wide, high];
  ["left", "top", "width", "height"].forEach((side, n) => byId("part-box").style.setProperty(side, `${100 * box[n]}%`));
  const shares = box.map((share) => `${Math.round(100 * share)}%`);
  byId("part-box").setAttribute("aria-valuenow", String(Math.round(100 * wide * high)));
  byId("part-box").setAttribute("aria-valuetext", `${shares[2]} wide, ${shares[3]} high, ${shares[0]} from the left, ${shares[1]} from the top`);
}

function place({ clientX, clientY }) {
  const { left, top, width, height } = byId("part-area").getBoundingClientRect();
  const within = (share) => Math.min(1, Math.max(0, share));
  return [within((clientX - left) / width), within((clientY - top) / height)];
}

/** Connect the dialog's controls; once. */
export function connectPart() {
  const area = byId("part-area");
  area.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    area.setPointerCapture(event.pointerId);
    begun = place(event);
  });
  area.addEventListener("pointermove", (event) => {
    if (!begun) return;
    const [x, y] = place(event);
    draw([Math.min(x, begun[0]), Math.min(y, begun[1]), Math.abs(x - begun[0]), Math.abs(y - begun[1])]);
  });
  for (const end of ["pointerup", "pointercancel"]) area.addEventListener(end, () => (begun = null));
  byId("part-box").addEventListener("keydown", (event) => {
    const [x, y] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] ?? [0, 0];
    if (!x && !y) return;
    event.preventDefault();
    const [left, top, width, height] = box;
    draw(event.shiftKey ? [left, top, width + x, height + y] : [left + x, top + y, width, height]);
  });
}
