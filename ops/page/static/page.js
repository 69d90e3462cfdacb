// Keeps the page live: asks for its main part again while somebody looks, and changes in place what has changed, so
// that focus, typed text, a selection and the place where a screen reader reads stay where they are.
"use strict";

const EVERY_MILLISECONDS = 2000;
const ANSWER_WITHIN_MILLISECONDS = 8000;
const SIGNED_OUT = 401;
const main = document.querySelector("main[data-live]");
const notice = document.querySelector("#notice");
let shown = "";
let shownAt = new Date();
let asking = false;

async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  const url = new URL(location.href);
  url.searchParams.set("part", "main");
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MILLISECONDS) });
    const html = await answer.text();
    if (answer.status === SIGNED_OUT) say("signed-out");
    else if (answer.ok || main.querySelector("#sorry")) show(html);
    else say("lost");
  } catch {
    say("lost");
  } finally {
    asking = false;
  }
}

function show(html) {
  const focused = document.activeElement;
  if (html !== shown) {
    const fresh = main.cloneNode(false);
    fresh.innerHTML = html;
    become(main, fresh);
  }
  if (focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  shown = html;
  shownAt = new Date();
  say("");
}

function say(what) {
  if (notice.dataset.says === what) return;
  notice.dataset.says = what;
  notice.replaceChildren(...(what ? [document.getElementById(what).content.cloneNode(true)] : []));
  const since = notice.querySelector("time");
  if (since) since.textContent = shownAt.toLocaleTimeString("en-GB");
}

function become(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  takeAttributes(old, fresh);
  const wanted = named(fresh);
  const kept = named(old);
  for (const [name, child] of kept) if (!wanted.has(name)) child.remove();
  let at = old.firstChild;
  for (const [name, child] of wanted) {
    const same = kept.get(name);
    if (!same || same !== at) old.insertBefore(same ?? child, at);
    if (same) become(same, child);
    at = (same ?? child).nextSibling;
  }
}

function takeAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

// Children by what they are about, so that a row stays the same element when another comes in above it.
function named(parent) {
  const children = new Map();
  for (const child of parent.childNodes) {
    const about = child.id || child.ariaLabel || (child.matches?.("li") && child.querySelector("a")?.href) || "";
    let nth = 0;
    while (children.has(`${child.nodeName} ${about} ${nth}`)) nth += 1;
    children.set(`${child.nodeName} ${about} ${nth}`, child);
  }
  return children;
}

function keepWhatCannotBeSent(submitted) {
  if (!notice.dataset.says) return;
  submitted.preventDefault();
  (notice.querySelector("a") ?? notice).focus();
}

if (main) {
  setInterval(refresh, EVERY_MILLISECONDS);
  document.addEventListener("visibilitychange", refresh);
  main.addEventListener("submit", keepWhatCannotBeSent);
}
