// Copyright (c) 2026 ppdeepfill contributors.
// SPDX-License-Identifier: Apache-2.0
//
// Paints the hole of a photo. gradio hands in element, props, trigger and watch.
//
// props.value from the page: {photo, width, height}, a data URL and the size of the canvas.
// props.value to the page: {mask} after each stroke, and {file: {name, content}} or {sample} with
// the event "upload". White in the mask is hole. Strokes are in pixels of the canvas.

const find = (selector) => element.querySelector(selector);
const [stage, photo, canvas, cursor] = [".stage", ".photo", ".strokes", ".cursor"].map(find);
const [slider, complaint, chooser] = [".size input", ".complaint", ".open input"].map(find);
const PAINT = "#ff2d78";
let tool = "brush";
let strokes = [], undone = [], current = null;

function draw(context, stroke, color) {
  context.globalCompositeOperation = stroke.tool === "eraser" ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = color;
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
  for (const stroke of strokes) draw(white, stroke, "#fff");
  const result = document.createElement("canvas");
  Object.assign(result, { width: canvas.width, height: canvas.height });
  const context = result.getContext("2d");
  context.fillRect(0, 0, result.width, result.height);
  context.drawImage(sheet, 0, 0);
  return result.toDataURL("image/png");
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
  strokes.push(current);
  [current, undone] = [null, []];
  changed();
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
  if (event.target.closest?.("input[type=text], input:not([type]), textarea, [role=listbox]")) return;
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
function complain(text) {
  complaint.textContent = text;
  complaint.hidden = !text;
}

function send(value) {
  complain("");
  props.value = value;
  trigger("upload");
}

function open(file) {
  if (!file) return;
  if (file.size > props.most_megabytes * 2 ** 20)
    return complain(`${file.name} is larger than ${props.most_megabytes} MB; save it smaller`);
  const reader = new FileReader();
  reader.onerror = () => complain(`${file.name} cannot be read`);
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

watch("value", () => {
  const given = props.value;
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
