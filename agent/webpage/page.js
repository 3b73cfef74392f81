// Keeps the page fresh: asks every two seconds for the part that changes, stops while nobody looks,
// and says so when the agent does not answer. Without it the page is a plain table.
"use strict";
const state = document.getElementById("state");
let tag = "", pointing = false, asked = 0;

const partOf = (url) => { const part = new URL(url); part.searchParams.set("part", "1"); return part; };

async function refresh() {
  const mine = ++asked;
  try {
    const answer = await fetch(partOf(location.href), { headers: tag ? { "If-None-Match": tag } : {} });
    if (mine !== asked) return;
    if (answer.status === 304) return say("");
    if (!answer.ok) return say("the agent answers " + answer.status);
    const html = await answer.text();
    if (mine !== asked) return;
    tag = answer.headers.get("ETag") || "";
    if (!pointing) swap(html);
    say("");
  } catch (error) {
    if (mine === asked) say("the agent does not answer; trying again");
  }
}

function say(text) { state.textContent = text; state.className = text ? "critical" : ""; }

function swap(html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;  // made by the agent, which escapes every name in it
  const open = [...document.querySelectorAll("main details")].map((each) => each.open);
  for (const name of ["head", "find", "live"]) {
    const old = document.getElementById(name), made = fresh.content.getElementById(name);
    // What is being typed stays: the filter is replaced only where it comes or goes.
    if (name !== "find" || !old.hasChildNodes() !== !made.hasChildNodes()) old.replaceWith(made);
  }
  document.querySelectorAll("main details").forEach((each, place) => { each.open = open[place] || false; });
}

function go(url, remember) {
  if (remember) history.pushState(null, "", url);
  tag = ""; pointing = false;
  refresh();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || link.origin !== location.origin || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href, true);
});
addEventListener("popstate", () => go(location.href, false));
document.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
document.addEventListener("input", (event) => { if (event.target.form) filter(); });

function filter() {
  const form = document.getElementById("filter"), url = new URL(location.href);
  const text = form.elements.filter.value.trim();
  text ? url.searchParams.set("filter", text) : url.searchParams.delete("filter");
  form.elements.all.checked ? url.searchParams.set("all", "1") : url.searchParams.delete("all");
  history.replaceState(null, "", url);
  go(url, false);
}

// The value under the pointer, beside the chart's title.
document.addEventListener("pointermove", (event) => {
  const figure = event.target.closest("figure[data-points]");
  if (!figure) return;
  pointing = true;
  const box = figure.querySelector("svg").getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  const lines = JSON.parse(figure.dataset.points), [, all] = lines[0];
  const at = all[0] + share * (all[all.length - 1] - all[0]);
  const nearest = (times) => times.reduce((best, time, index) => Math.abs(time - at) < Math.abs(times[best] - at) ? index : best, 0);
  lines.forEach(([label, times, values], line) => {
    figure.querySelector(".k" + line).textContent = (label + " " + values[nearest(times)]).trim();
  });
  // As below the chart: the host's time, whatever the browser's is.
  const zone = Number(figure.querySelector(".axis").dataset.zone);
  figure.querySelector("i").textContent = new Date((all[nearest(all)] + zone) * 1000).toISOString().slice(11, 19);
});
document.addEventListener("pointerout", (event) => { if (!event.relatedTarget?.closest?.("figure")) pointing = false; });

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
