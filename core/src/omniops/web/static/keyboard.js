/**
 * The keyboard of the dashboard. A key presses a link or button that the page itself shows, or goes to its field: who
 * may not do something has nothing to press. Everything can be reached without this.
 */
const OFF = "omniops:keys";
const YEAR = 365 * 24 * 3600 * 1000;
const FIELDS = "input, textarea, select, [contenteditable]";
const CHOICES = "main :is(button, .button, .back, .tabs a, .sub a, [data-key])";
const palette = document.querySelector(".palette");
const help = document.querySelector(".keys");
const wish = help?.querySelector("[data-wish]");
let going;

/** Whether shortcuts are off in this browser. The wish lasts a year; where nothing can be kept, it lasts for the page. */
const off = () => wish && !wish.checked;
function remembered() {
  try {
    return Date.now() - Number(localStorage.getItem(OFF) ?? 0) < YEAR;
  } catch {
    return false;
  }
}
function remember() {
  document.documentElement.toggleAttribute("data-shortcuts", !off());
  try {
    if (off()) localStorage.setItem(OFF, Date.now());
    else localStorage.removeItem(OFF);
  } catch {} // the wish lasts for the page
}

const seen = (part) => part.checkVisibility() && !part.disabled;
const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
const words = (part) => (part.ariaLabel ?? (part.labels?.[0] ?? part).innerText).replace(/\s+/g, " ").trim();

/** A button that has just appeared is not pressed by whoever meant what was there before. */
const guarded = (part) => part.getAnimations().some((one) => one.animationName === "guard" && one.playState === "running");

function press(part) {
  if (!part || guarded(part)) return;
  if (part.matches(`${FIELDS}, aside`)) {
    part.focus();
    part.scrollIntoView({ block: "nearest" });
  } else part.click();
}

function step(by) {
  const rows = all(".talk, a.row");
  const here = rows.findIndex((row) => row === document.activeElement);
  const from = here < 0 ? rows.findIndex((row) => row.ariaCurrent === "true") : here;
  rows[from < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(from + by, 0), rows.length - 1)]?.focus();
}

function show(dialog) {
  if (!dialog || dialog.open) return;
  document.querySelector("dialog[open]")?.close();
  dialog.showModal();
}

/** What the palette offers: links and buttons of this page, by kind, each with its key. */
function offers() {
  const keyed = (part, key) => ({ part, name: words(part), key });
  return [
    ["On this page", all(CHOICES).map((part) => keyed(part, part.dataset.key ?? "")).sort((a, b) => !a.key - !b.key)],
    ["Conversations", all(".talk").map((part) => keyed(part, ""))],
    ["Rooms", all("#rooms a, .picker a").map((part) => keyed(part, part.dataset.go ? `g ${part.dataset.go}` : ""))],
  ];
}

let found = [];
let chosen = 0;

function choose(number) {
  chosen = Math.min(Math.max(number, 0), found.length - 1);
  found.forEach(({ row }, place) => row.setAttribute("aria-selected", place === chosen));
  const row = found[chosen]?.row;
  row?.scrollIntoView({ block: "nearest" });
  palette.querySelector("input").setAttribute("aria-activedescendant", row?.id ?? "");
}

function element(name, className, ...inside) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...inside);
  return made;
}

function list() {
  const asked = palette.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = [];
  found = [];
  for (const [group, choices] of offers.kept) {
    const fit = choices.filter(({ name }) => name && asked.every((word) => name.toLowerCase().includes(word)));
    if (!fit.length) continue;
    const head = element("li", "group", group);
    head.role = "presentation";
    shown.push(head);
    for (const { part, name, key } of fit) {
      const row = element("li", "choice", element("span", "", name), ...(key ? [element("kbd", "", key)] : []));
      row.role = "option";
      row.id = `choice-${found.length}`;
      row.addEventListener("click", () => take(part));
      found.push({ part, row });
      shown.push(row);
    }
  }
  palette.querySelector("ul").replaceChildren(...shown);
  palette.querySelector("[data-none]").hidden = found.length > 0;
  choose(0);
}

function take(part) {
  palette.close();
  press(part);
}

function open() {
  if (!palette || palette.open) return;
  offers.kept = offers();
  show(palette);
  palette.querySelector("input").value = "";
  list();
}

palette?.addEventListener("input", list);
palette?.addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) choose(chosen + by);
  else if (event.key === "Enter") take(found[chosen]?.part);
  else return;
  event.preventDefault();
});
for (const dialog of [palette, help]) {
  dialog?.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

const KEYS = { j: () => step(1), k: () => step(-1), "/": open, "?": () => show(help) };

document.addEventListener("keydown", (event) => {
  if (off() || event.defaultPrevented || event.isComposing || event.altKey) return;
  if (event.key === "k" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    open();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.repeat || document.querySelector("dialog[open]")) return;
  if (event.target.matches?.(FIELDS)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const room = going && all(`[data-go="${CSS.escape(event.key)}"]`)[0];
  const after = going;
  going = false;
  if (after) room?.click();
  else if (event.key === "g") going = true;
  else if (KEYS[event.key]) KEYS[event.key]();
  else {
    const part = all(`[data-key="${CSS.escape(event.key)}"]`)[0];
    if (!part) return;
    press(part);
  }
  event.preventDefault();
});

if (wish) {
  wish.checked = !remembered();
  document.documentElement.toggleAttribute("data-shortcuts", wish.checked);
  wish.addEventListener("change", remember);
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => show(help));
  }
  help.querySelector("[data-close]").addEventListener("click", () => help.close());
}
