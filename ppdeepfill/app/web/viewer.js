// Copyright (c) 2026 ppdeepfill contributors.
// SPDX-License-Identifier: Apache-2.0
//
// Shows a filling. gradio hands in element, props and watch; props.value is what
// `shown.shown_filling` returns, or null, and props.words are VIEWER of words.py.

const find = (selector) => element.querySelector(selector);
const [tabs, picture, under, over] = [".tabs", ".picture", ".under", ".over"].map(find);
const [line, canvas, divider, caption] = [".line", ".arrow", ".divider", ".caption"].map(find);
const words = props.words;
let view = "compare", offsets = null, hole = null;

function show(name) {
  view = name;
  const given = props.value;
  tabs.hidden = picture.hidden = !given;
  divider.hidden = !given || view !== "compare";
  caption.textContent = words[`${given ? view : "none"}_caption`];
  if (!given) return;
  for (const tab of tabs.children) {
    tab.setAttribute("aria-selected", String(tab.dataset.view === view));
    tab.disabled = tab.dataset.view !== "compare" && !given[tab.dataset.view];
    tab.title = tab.disabled ? words.has_none : "";
  }
  under.src = { compare: given.after, coarse: given.coarse, borrowed: given.borrowed }[view];
  over.style.display = line.style.display = view === "compare" ? "" : "none";
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  divide();
}

function divide() {
  over.style.clipPath = `inset(0 ${100 - divider.value}% 0 0)`;
  line.style.left = `${divider.value}%`;
}

function place(event) {  // in pixels of the pictures
  const box = picture.getBoundingClientRect();
  return {
    x: Math.floor((event.clientX - box.left) / box.width * props.value.width),
    y: Math.floor((event.clientY - box.top) / box.height * props.value.height),
  };
}

function drawSource({ x, y }) {
  const { width, height, rows, columns, step } = props.value;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  const inside = x >= 0 && y >= 0 && x < width && y < height && hole?.[(y * width + x) * 4] > 127;
  if (!inside) return;
  const row = Math.min(Math.floor(y / step), rows - 1);
  const column = Math.min(Math.floor(x / step), columns - 1);
  const [dy, dx] = [0, 1].map((axis) => offsets[(axis * rows + row) * columns + column]);
  const unit = width / picture.clientWidth;  // one px of the screen
  for (const [color, thickness] of [["#000", 5], ["#fff", 2.5]]) {
    Object.assign(context, { strokeStyle: color, lineWidth: thickness * unit, lineCap: "round" });
    context.beginPath();
    context.moveTo(x + dx, y + dy);
    context.lineTo(x, y);
    context.stroke();
    for (const [cx, cy, radius] of [[x + dx, y + dy, 12], [x, y, 6]]) {
      context.beginPath();
      context.arc(cx, cy, radius * unit, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  const places = { x, y, from_x: x + dx, from_y: y + dy };
  caption.textContent = words.source.replace(/\{(\w+)\}/g, (_, name) => places[name]);
}

function pointed(event) {
  if (view === "compare" && (event.buttons || event.type === "pointerdown")) {
    const box = picture.getBoundingClientRect();
    divider.value = Math.max(0, Math.min(100, (event.clientX - box.left) / box.width * 100));
    divide();
  }
  if (view === "borrowed") drawSource(place(event));
}

async function pixelsOf(url) {  // RGBA
  const image = new Image();
  image.src = url;
  await image.decode();
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, image.width, image.height).data;
}

picture.style.touchAction = "pan-y";
picture.addEventListener("pointerdown", pointed);
picture.addEventListener("pointermove", pointed);
divider.addEventListener("input", divide);
tabs.addEventListener("click", (event) => {
  const tab = event.target.closest("button");
  if (tab) show(tab.dataset.view);
});

watch("value", async () => {
  const given = props.value;
  offsets = hole = null;
  if (given) {
    Object.assign(canvas, { width: given.width, height: given.height });
    over.src = given.before;
    if (given.offsets)
      offsets = new Int16Array(Uint8Array.from(atob(given.offsets), (c) => c.charCodeAt(0)).buffer);
  }
  show(given && given[view] ? view : "compare");
  if (!given) return;
  hole = await pixelsOf(given.hole);
  await under.decode();
  element.scrollIntoView({ behavior: "smooth", block: "nearest" });
});
show("compare");
