// Copyright (c) 2026 ppdeepfill contributors.
// SPDX-License-Identifier: Apache-2.0
//
// Paints the hole of a photo. gradio hands in element, props, trigger and watch.
//
// props.value from the page: {photo, width, height}, a data URL and the size of the canvas; or
// {hole, width, height}, a hole to add to the strokes.
// props.value to the page: {mask} after each stroke, and {file: {name, content}} or {sample} with
// the event "upload". White in holes and masks is hole. Strokes are in pixels of the canvas.
// props.words are PAINTER of words.py.

const find = (selector) => element.querySelector(selector);
const [stage, photo, canvas, cursor] = [".stage", ".photo", ".strokes", ".cursor"].map(find);
const [slider, complaint, chooser] = [".size input", ".complaint", ".open input"].map(find);
const TYPING = "input[type=text], input[type=number], input:not([type]), textarea, [role=listbox]";
const [PAINT, HOLE] = ["#ff2d78", "#ffffff"];
let tool = "brush";
let strokes = [], undone = [], current = null;

function draw(context, stroke, color) {
  context.globalCompositeOperation = stroke.tool === "eraser" ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = color;
  if (stroke.sheets) return context.drawImage(stroke.sheets[color], 0, 0);
  const [first, last] = [stroke.points[0], stroke.points.at(-1)];
  if (stroke.tool === "rectangle") {
    context.fillRect(Math.min(first.x, last.x), Math.min(first.y, last.y),
      Math.abs(last.x - first.x), Math.abs(last.y - first.y));
    return;
  }
  Object.assign(context, { lineWidth: stroke.width, lineCap: "round", lineJoin: "round" });
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const point of stroke.points) context.lineTo(point.x, point.y);
  context.stroke();
}

function redraw() {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const stroke of current ? [...strokes, current] : strokes) draw(context, stroke, PAINT);
}

function mask() {
  const sheet = new OffscreenCanvas(canvas.width, canvas.height);
  const white = sheet.getContext("2d");
  for (const stroke of strokes) draw(white, stroke, HOLE);
  const result = document.createElement("canvas");
  Object.assign(result, { width: canvas.width, height: canvas.height });
  const context = result.getContext("2d");
  context.fillRect(0, 0, result.width, result.height);
  context.drawImage(sheet, 0, 0);
  return result.toDataURL("image/png");
}

// A hole as a stroke: for each colour, a sheet that has it in the hole and is clear elsewhere.
async function strokeOf(hole) {
  const image = new Image();
  image.src = hole;
  await image.decode();
  const sheet = () => new OffscreenCanvas(image.width, image.height).getContext("2d");
  const white = sheet();
  white.drawImage(image, 0, 0);
  const pixels = white.getImageData(0, 0, image.width, image.height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i];
  white.putImageData(pixels, 0, 0);
  const tinted = sheet();
  tinted.fillStyle = PAINT;
  tinted.fillRect(0, 0, image.width, image.height);
  tinted.globalCompositeOperation = "destination-in";
  tinted.drawImage(white.canvas, 0, 0);
  return { sheets: { [HOLE]: white.canvas, [PAINT]: tinted.canvas } };
}

function add(stroke) {
  strokes.push(stroke);
  undone = [];
  changed();
}

function changed() {
  redraw();
  find("[data-do=undo]").disabled = find("[data-do=clear]").disabled = !strokes.length;
  find("[data-do=redo]").disabled = !undone.length;
  if (photo.src) props.value = { mask: mask() };
}

const actions = {
  undo() { if (strokes.length) { undone.push(strokes.pop()); changed(); } },
  redo() { if (undone.length) { strokes.push(undone.pop()); changed(); } },
  clear() { undone = [...strokes].reverse(); strokes = []; changed(); },
};

function choose(name) {
  tool = name;
  for (const button of element.querySelectorAll("[data-tool]"))
    button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  if (tool === "rectangle") cursor.style.display = "none";
  canvas.style.cursor = tool === "rectangle" ? "crosshair" : "none";
}

// ---- pointer -------------------------------------------------------------------------------
const scale = () => canvas.width / canvas.clientWidth;

function position(event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) * scale(), y: (event.clientY - box.top) * scale() };
}

function moveCursor(event) {
  const box = canvas.getBoundingClientRect();
  const shown = tool !== "rectangle" && event.pointerType !== "touch";
  Object.assign(cursor.style, {
    display: shown ? "block" : "none", left: `${event.clientX - box.left}px`,
    top: `${event.clientY - box.top}px`, width: `${slider.value}px`, height: `${slider.value}px`,
  });
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button || !photo.src) return;
  canvas.setPointerCapture(event.pointerId);
  current = { tool, width: slider.value * scale(), points: [position(event)] };
  redraw();
});
canvas.addEventListener("pointermove", (event) => {
  moveCursor(event);
  if (!current) return;
  current.points.push(...(event.getCoalescedEvents?.() ?? [event]).map(position), position(event));
  redraw();
});
canvas.addEventListener("pointerup", () => {
  if (!current) return;
  const stroke = current;
  current = null;
  add(stroke);
});
canvas.addEventListener("pointercancel", () => { current = null; redraw(); });
canvas.addEventListener("pointerleave", () => { cursor.style.display = "none"; });

// ---- buttons and keys ----------------------------------------------------------------------
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.tool) choose(button.dataset.tool);
  if (button?.dataset.do) actions[button.dataset.do]();
  if (button?.dataset.sample) send({ sample: Number(button.dataset.sample) });
});

function onKey(event) {
  if (!element.isConnected) return document.removeEventListener("keydown", onKey);
  if (event.target.closest?.(TYPING)) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const action = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" && "undo";
    if (action) { event.preventDefault(); actions[action](); }
    return;
  }
  const tools = { b: "brush", r: "rectangle", e: "eraser" };
  if (tools[key]) choose(tools[key]);
  if (key === "[" || key === "]") slider.value = Number(slider.value) + (key === "]" ? 8 : -8);
}
document.addEventListener("keydown", onKey);

// ---- photos --------------------------------------------------------------------------------
function complain(text, values) {
  complaint.textContent = text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  complaint.hidden = !text;
}

function send(value) {
  complain("");
  props.value = value;
  trigger("upload");
}

function open(file) {
  if (!file) return;
  const named = { name: file.name, megabytes: props.most_megabytes };
  if (file.size > named.megabytes * 2 ** 20) return complain(props.words.too_large, named);
  const reader = new FileReader();
  reader.onerror = () => complain(props.words.unreadable, named);
  reader.onload = () => send({ file: { name: file.name, content: reader.result.split(",")[1] ?? "" } });
  reader.readAsDataURL(file);
}

chooser.addEventListener("change", () => { open(chooser.files[0]); chooser.value = ""; });
stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("dragging"); });
stage.addEventListener("dragleave", () => stage.classList.remove("dragging"));
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("dragging");
  open(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => open(event.clipboardData?.files[0]));

watch("value", async () => {
  const given = props.value;
  if (given?.hole) {
    const fits = given.width === canvas.width && given.height === canvas.height;
    return fits ? add(await strokeOf(given.hole)) : changed();  // or it is of an earlier photo
  }
  if (!given?.photo) return;
  photo.src = given.photo;
  Object.assign(canvas, { width: given.width, height: given.height });
  [strokes, undone, current] = [[], [], null];
  redraw();
  for (const name of Object.keys(actions)) find(`[data-do=${name}]`).disabled = true;
});

find(".samples").innerHTML = props.samples.map(({ name, picture }, number) =>
  `<button type="button" data-sample="${number}" title="${name}"><img src="${picture}" alt="${name}"></button>`
).join("");
choose(tool);
document.documentElement.lang = props.language;  // for fonts, and for those who listen
