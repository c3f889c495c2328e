"use strict";
const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const PREFIX = "#ledger?";
const form = find("#filters");
const plain = (text) => text.toLowerCase().replace(/[_^{}]/g, "");  // Z_{t+1} is typeset
const lines = all("tr.line").map((row) => ({ row, text: plain(row.textContent) }));

document.documentElement.classList.add("scripted");

// The filters of the ledger. They stand in the address, so that what is shown can be linked.

function matches({ row, text }, { claim, kind, outcome, words }) {
  const { dataset } = row;
  return (!claim || dataset.claim === claim) && (!kind || dataset.kind === kind) &&
    (!outcome || dataset.outcomes.split(" ").includes(outcome)) &&
    words.every((word) => text.includes(word));
}

function show() {
  const { text, ...wanted } = Object.fromEntries(new FormData(form));
  wanted.words = plain(text).split(/\s+/).filter(Boolean);
  for (const line of lines) line.row.hidden = !matches(line, wanted);
  for (const body of all("#ledger tbody")) body.hidden = !find("tr.line:not([hidden])", body);
  const shown = lines.filter(({ row }) => !row.hidden);
  const controls = shown.reduce((sum, { row }) => sum + Number(row.dataset.controls), 0);
  find("#shown").value = `${shown.length} of ${lines.length} rows shown, with ${controls} negative controls`;
}

function filter() {
  show();
  const wanted = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", PREFIX.slice(0, wanted.size ? undefined : -1) + wanted);
}

function follow() {
  const { hash } = location;
  if (hash.startsWith(PREFIX)) {
    const wanted = new URLSearchParams(hash.slice(PREFIX.length));
    for (const field of form.elements) if (field.name) field.value = wanted.get(field.name) ?? "";
    show();
    find("#ledger").scrollIntoView();
    return;
  }
  const target = document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target?.closest("tr.line[hidden]")) return;
  form.reset();
  show();
  target.scrollIntoView();
}

form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
addEventListener("hashchange", follow);
show();
follow();

// Commands to copy, also where a page from a file may not use the clipboard.

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

document.addEventListener("click", async ({ target }) => {
  if (!target.matches(".copy")) return;
  await copy(target.dataset.copy);
  target.focus();
  target.textContent = "copied";
  find("#said").textContent = `copied: ${target.dataset.copy}`;
  setTimeout(() => { target.textContent = "copy"; }, 1500);
});

// The theme, which a browser may not remember for a file.

const theme = find("#theme");
const stored = (action) => { try { return action(localStorage); } catch { return null; } };
function dress() { document.documentElement.dataset.theme = theme.value; }
theme.value = stored((storage) => storage.getItem("theme")) ?? "";
dress();
theme.addEventListener("change", () => { dress(); stored((storage) => storage.setItem("theme", theme.value)); });

// Where the reader is, in the bar at the top.

const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  const entered = entries.findLast((entry) => entry.isIntersecting);
  if (!entered) return;
  for (const link of links.values()) link.removeAttribute("aria-current");
  const link = links.get(entered.target.id);
  link.setAttribute("aria-current", "true");
  link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.clientWidth / 2;
}, { rootMargin: "-20% 0px -75% 0px" });
for (const id of links.keys()) seen.observe(document.getElementById(id));

// What is wider than the screen scrolls, with the keyboard, too.

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const element of all(".wide")) widths.observe(element);
