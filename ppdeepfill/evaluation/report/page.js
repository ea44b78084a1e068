"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const { methods, metrics, images } = data;
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"];
const LAYOUT = { margin: { l: 62, r: 12, t: 12, b: 56 }, font: { family: "system-ui, sans-serif", size: 13 },
  plot_bgcolor: "#fff", paper_bgcolor: "#fff", hovermode: "closest" };
const CONFIG = { displaylogo: false, responsive: true, displayModeBar: false };
const AXIS = { gridcolor: "#e8eaee", zeroline: false, linecolor: "#b9bec8", automargin: true };

const chosen = { metric: 0, a: 0, b: data.rival };
const metric = () => metrics[chosen.metric];
const value = (image, method) => image.scores[method][chosen.metric];
const shown = number => number === null ? "undefined" : (+number.toPrecision(4)).toString();

/** A name that fits an axis or a legend. */
const short = name => name.length > 26 ? `${name.slice(0, 8)}\u2026${name.slice(-17)}` : name;

/** How much better the first method is on an image; null where that is undefined. */
function gain(image) {
  if (chosen.b === null) return null;
  const a = value(image, chosen.a), b = value(image, chosen.b);
  return a === null || b === null ? null : metric().better === "lower" ? b - a : a - b;
}

function fill(select, options) {
  select.replaceChildren(...options.map(([text, key]) => new Option(text, key)));
}

// --- The two methods, image by image, and every method by the area of the hole ---

function describeScore() {
  const { name, better, meaning } = metric();
  const what = `${name}: ${meaning}; ${better} is better.`;
  if (chosen.b === null) return at("score").textContent = what;
  const gains = images.map(gain).filter(number => number !== null);
  const wins = gains.filter(number => number > 0).length;
  const losses = gains.filter(number => number < 0).length;
  const p = data.p_values[`${metric().name} ${Math.min(chosen.a, chosen.b)} ${Math.max(chosen.a, chosen.b)}`];
  const chance = p === undefined ? "" : ` (Wilcoxon p = ${p.toPrecision(2)})`;
  at("score").textContent = `${methods[chosen.a]} is better than ${methods[chosen.b]} on ${wins} of ` +
    `${gains.length} images, worse on ${losses}${chance}. ${what}`;
}

function drawScatter() {
  const alone = chosen.b === null;
  const usable = images.filter(image => value(image, chosen.a) !== null && (alone || value(image, chosen.b) !== null));
  const x = usable.map(image => alone ? image.area : value(image, chosen.b));
  const y = usable.map(image => value(image, chosen.a));
  const color = usable.map(image => alone || gain(image) > 0 ? COLORS[0] : gain(image) < 0 ? COLORS[1] : "#999");
  at("scatter-title").textContent = alone
    ? `Each point is an image: ${metric().name} by hole area`
    : `Each point is an image; blue where ${methods[chosen.a]} is better, orange where ${methods[chosen.b]} is. ` +
      "Filled points have a picture below: click one.";
  const ends = [...x, ...y].reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  const pad = .04 * (ends[1] - ends[0]), range = alone ? null : [ends[0] - pad, ends[1] + pad];
  const points = {
    type: usable.length > 2000 ? "scattergl" : "scatter", mode: "markers", x, y,
    customdata: usable.map(image => image.index),
    text: usable.map(image => `${image.index}: ${image.name}<br>hole ${(100 * image.area).toFixed(1)} %`),
    hovertemplate: `%{text}<br>${methods[chosen.a]} %{y:.4g}` + (alone ? "" : `<br>${methods[chosen.b]} %{x:.4g}`) + "<extra></extra>",
    marker: { size: 8, opacity: .85, line: { color, width: 1.5 }, color: usable.map((image, i) => image.pictures ? color[i] : "#fff") },
  };
  const diagonal = { type: "line", xref: "x", x0: ends[0], x1: ends[1], y0: ends[0], y1: ends[1], layer: "below", line: { color: "#aab", dash: "dot", width: 1 } };
  Plotly.react("scatter", [points], { ...LAYOUT, shapes: alone ? [] : [diagonal],
    xaxis: { ...AXIS, range, title: { text: alone ? "hole area" : `${metric().name} of ${short(methods[chosen.b])}` }, tickformat: alone ? ".0%" : "" },
    yaxis: { ...AXIS, range, title: { text: `${metric().name} of ${short(methods[chosen.a])}` } } }, CONFIG);
}

function drawAreas() {
  const areas = data.areas;
  const name = area => `${Math.round(100 * area.above)}\u2013${Math.round(100 * area.up_to)} %`;
  if (areas.length < 2) {
    at("areas").classList.add("empty");
    at("areas-title").textContent = "By hole area";
    at("areas").textContent = areas.length ? `All holes cover ${name(areas[0])} of the image. ` +
      "With --masks free_form, the report shows how each method does as holes grow." : "";
    return;
  }
  at("areas-title").textContent = `Mean ${metric().name} by hole area, with 95 % intervals (${metric().better} is better)`;
  const x = areas.map(area => `${name(area)}<br>n = ${area.images}`);
  const lines = methods.map((method, i) => ({
    type: "scatter", mode: "lines+markers", name: short(method), x,
    y: areas.map(area => area.means[method][chosen.metric][0]),
    error_y: { array: areas.map(area => area.means[method][chosen.metric][1]), thickness: 1, width: 3 },
    line: { color: COLORS[i % COLORS.length] }, hovertemplate: `${method} %{y:.4g}<extra></extra>`,
  }));
  Plotly.react("areas", lines, { ...LAYOUT, xaxis: { ...AXIS, type: "category" }, yaxis: { ...AXIS },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom" }, margin: { ...LAYOUT.margin, t: 40 } }, CONFIG);
}

// --- Pictures ---

const cards = new Map();

function card(image) {
  const article = document.createElement("article");
  article.tabIndex = 0;
  article.innerHTML = '<h3><span></span><b></b></h3><div class="pair"><img class="right" alt=""><img class="left" alt="">' +
    '<span class="name-left"></span><span class="name-right"></span></div><div class="strip"></div>';
  article.querySelector("b").textContent = `${image.index}: ${image.name}, hole ${(100 * image.area).toFixed(1)} %`;
  const pair = article.querySelector(".pair");
  pair.onpointermove = pair.onpointerdown = event => {
    const box = pair.getBoundingClientRect();
    moveDivider(pair, 100 * (event.clientX - box.left) / box.width);
  };
  for (const caption of Object.keys(image.pictures)) {
    const button = document.createElement("button");
    button.dataset.caption = caption;
    button.append(Object.assign(new Image(), { src: image.pictures[caption], alt: caption, loading: "lazy" }), document.createElement("span"));
    button.onclick = () => methods.includes(caption) ? choose({ a: methods.indexOf(caption) }) : putBeside(caption);
    article.querySelector(".strip").append(button);
  }
  return article;
}

function moveDivider(pair, percent) {
  pair.style.setProperty("--at", `${Math.max(0, Math.min(100, percent))}%`);
}

/** The caption of the picture on the right of the divider. */
function beside() {
  return at("beside").value === "other" ? methods[chosen.b] : at("beside").value;
}

function putBeside(caption) {
  if ([...at("beside").options].some(option => option.value === caption)) at("beside").value = caption;
  showPictures();
}

function update(article, image) {
  const left = methods[chosen.a], right = beside();
  const show = (side, caption) => {
    const picture = article.querySelector(`img.${side}`);
    picture.hidden = !image.pictures[caption];
    if (image.pictures[caption]) picture.src = image.pictures[caption];
    picture.alt = article.querySelector(`.name-${side}`).textContent = caption;
  };
  show("left", left);
  show("right", right);
  const badge = article.querySelector("h3 span"), by = gain(image);
  badge.textContent = by === null ? `${metric().name} ${shown(value(image, chosen.a))}` : `${by > 0 ? "+" : by < 0 ? "\u2212" : ""}${shown(Math.abs(by))}`;
  badge.className = by === null ? "" : by > 0 ? "gain" : by < 0 ? "loss" : "";
  badge.title = by === null ? "" : `gain in ${metric().name} over ${methods[chosen.b]}`;
  for (const button of article.querySelectorAll(".strip button")) {
    const caption = button.dataset.caption, number = methods.indexOf(caption);
    button.setAttribute("aria-pressed", caption === left);
    button.querySelector("span").textContent = number < 0 ? caption : `${caption} ${shown(value(image, number))}`;
  }
}

const ORDERS = {
  gain: (a, b) => gain(b) - gain(a),
  loss: (a, b) => gain(a) - gain(b),
  worst: (a, b) => (metric().better === "lower" ? -1 : 1) * (value(a, chosen.a) - value(b, chosen.a)),
  best: (a, b) => ORDERS.worst(b, a),
  area: (a, b) => b.area - a.area,
  number: (a, b) => a.index - b.index,
};

function showPictures() {
  const words = at("search").value.toLowerCase();
  const [low, high] = at("area").value.split(" ").map(Number);
  const pictured = images.filter(image => image.pictures);
  const kept = pictured.filter(image =>
    image.name.toLowerCase().includes(words) && image.area > low && image.area <= high &&
    (at("winner").value === "all" || (at("winner").value === "a" ? gain(image) > 0 : gain(image) < 0)));
  kept.sort((a, b) => ORDERS[at("sort").value](a, b) || a.index - b.index);
  for (const image of kept) {
    if (!cards.has(image.index)) cards.set(image.index, card(image));
    update(cards.get(image.index), image);
  }
  at("samples").replaceChildren(...kept.map(image => cards.get(image.index)));
  at("count").textContent = pictured.length ? `${kept.length} of ${pictured.length} pictures` : "";
}

// --- Choices and keys ---

function choose(choice) {
  const before = { ...chosen };
  Object.assign(chosen, choice);
  if (chosen.a === chosen.b) chosen.a === before.a ? chosen.a = before.b : chosen.b = before.a;
  at("metric").value = chosen.metric;
  at("method-a").value = chosen.a;
  if (chosen.b !== null) at("method-b").value = chosen.b;
  describeScore();
  if (window.Plotly) { drawScatter(); drawAreas(); }
  showPictures();
}

const swap = () => chosen.b === null || choose({ a: chosen.b, b: chosen.a });

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const list = [...at("samples").children], here = list.indexOf(document.activeElement.closest("article"));
  const step = by => {
    const target = list[Math.max(0, Math.min(list.length - 1, here + by))];
    if (target) { target.focus({ preventScroll: true }); target.scrollIntoView({ block: "center" }); }
  };
  const slide = by => {
    if (here < 0) return;
    const pair = list[here].querySelector(".pair");
    moveDivider(pair, parseFloat(pair.style.getPropertyValue("--at") || "50") + by);
  };
  const options = at("beside").options;
  const keys = {
    j: () => step(1), k: () => step(-1), ArrowLeft: () => slide(-10), ArrowRight: () => slide(10), x: swap,
    b: () => { at("beside").selectedIndex = (at("beside").selectedIndex + 1) % options.length; showPictures(); },
    "/": () => at("search").focus(),
  };
  if (/^[1-9]$/.test(event.key) && methods[event.key - 1]) choose({ a: event.key - 1 });
  else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
}

function start() {
  const two = chosen.b !== null;
  for (const element of document.querySelectorAll(".needs-two")) element.hidden = !two;
  fill(at("metric"), metrics.map(({ name }, i) => [name, i]));
  fill(at("method-a"), methods.map((name, i) => [name, i]));
  fill(at("method-b"), methods.map((name, i) => [name, i]));
  fill(at("beside"), [["truth", "truth"], ...(two ? [["the other method", "other"]] : []), ["input", "input"]]);
  fill(at("sort"), [...(two ? [["largest gain", "gain"], ["largest loss", "loss"]] : []), ["worst first", "worst"],
    ["best first", "best"], ["largest hole", "area"], ["number", "number"]]);
  fill(at("area"), [["any", "-1 1"], ...data.areas.map(area =>
    [`${Math.round(100 * area.above)}\u2013${Math.round(100 * area.up_to)} %`, `${area.above} ${area.up_to}`])]);
  at("pictures").hidden = !images.some(image => image.pictures);
  at("metric").onchange = () => choose({ metric: +at("metric").value });
  at("method-a").onchange = () => choose({ a: +at("method-a").value });
  at("method-b").onchange = () => choose({ b: +at("method-b").value });
  at("swap").onclick = swap;
  for (const id of ["sort", "winner", "beside", "area", "search"]) at(id).oninput = showPictures;
  document.addEventListener("keydown", onKey);
  choose({});
}

/** Plotly travels compressed, which makes this file 3 MB smaller. */
async function loadPlotly() {
  const bytes = Uint8Array.from(atob(at("plotly").textContent), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

start();
loadPlotly().then(() => {
  choose({});
  at("scatter").on("plotly_click", ({ points: [point] }) => {
    const target = cards.get(point.customdata);
    if (target && target.isConnected) { target.focus({ preventScroll: true }); target.scrollIntoView({ block: "center", behavior: "smooth" }); }
  });
}, () => { at("score").textContent += " (This browser is too old to draw the charts.)"; });
