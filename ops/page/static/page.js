// Keeps the page live: fetches its main part again while somebody looks, and replaces it when it changed.
"use strict";

const EVERY_MILLISECONDS = 2000;
const main = document.querySelector("main[data-live]");
const lost = document.querySelector("#lost");
let shown = "";
let asking = false;

async function refresh() {
  if (asking || document.hidden || isBusy()) return;
  asking = true;
  const url = new URL(location.href);
  url.searchParams.set("part", "main");
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload(); // signed out meanwhile: it leads to the form, and back here
    const html = await answer.text();
    lost.hidden = true;
    if (html !== shown) replace(html);
  } catch {
    lost.hidden = false;
  } finally {
    asking = false;
  }
}

function isBusy() {
  if (!getSelection().isCollapsed) return true;
  if ([...main.querySelectorAll("input:not([type=hidden])")].some((each) => each.value !== each.defaultValue)) return true;
  return main.contains(document.activeElement) && document.activeElement.matches("input, button, select");
}

function replace(html) {
  const opened = new Set([...main.querySelectorAll("details[open]")].map((each) => each.id));
  const focused = placeOf(document.activeElement);
  main.innerHTML = html;
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  if (focused) main.querySelector(focused)?.focus({ preventScroll: true });
  shown = html;
}

function placeOf(element) {
  if (!main.contains(element)) return "";
  if (element.matches("summary")) return `#${CSS.escape(element.parentElement.id)} > summary`;
  return element.matches("a") ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : "";
}

if (main) {
  setInterval(refresh, EVERY_MILLISECONDS);
  document.addEventListener("visibilitychange", refresh);
}
