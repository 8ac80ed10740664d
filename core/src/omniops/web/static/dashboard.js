/**
 * The live parts of the dashboard. Every page works without this: it shows what a reload would show, when something
 * happened. What comes is our own page, taken apart here; scripts in it are never run.
 */
const pages = globalThis.trustedTypes?.createPolicy("omniops", { createHTML: (page) => page });
const parsed = (page) => new DOMParser().parseFromString(pages ? pages.createHTML(page) : page, "text/html");
const SOON = 150;
const root = document.querySelector("[data-stream]");
let following, planned;

/** What a person is busy with stays as it is: a field with the focus, a list under the pointer. */
const busy = (part) =>
  part.contains(document.activeElement) ||
  (part.dataset.live === "calm" && part.matches(":hover")) ||
  [...part.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);

/** What a part shows: its forms have another mark each time, by which they count once. */
const shown = (part) => part.innerHTML.replaceAll(/name="once" value="[^"]*"/g, "");

function atEnd() {
  const box = document.querySelector(".scroll");
  return !box || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
}

function toEnd() {
  const box = document.querySelector(".scroll");
  if (box) box.scrollTop = box.scrollHeight;
}

async function refresh() {
  const response = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (response.redirected) location.reload();
  if (!response.ok || response.redirected) return;
  const fresh = parsed(await response.text());
  const follow = atEnd();
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next || shown(next) === shown(part)) continue;
    if (busy(part)) part.addEventListener("pointerleave", soon, { once: true });
    else part.replaceWith(document.importNode(next, true));
  }
  if (follow) toEnd();
}

function soon() {
  clearTimeout(planned);
  planned = setTimeout(() => refresh().catch(() => {}), SOON);
}

function follow() {
  following?.close();
  if (document.hidden) return;
  following = new EventSource(root.dataset.stream);
  for (const kind of root.dataset.events.split(" ")) following.addEventListener(kind, soon);
}

if (root) {
  follow();
  document.addEventListener("visibilitychange", () => {
    follow();
    if (!document.hidden) soon();
  });
}
toEnd();

/** What is to be copied stands in the page, to be marked by hand where this does not run. */
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = "Copied";
  });
}

/** A form goes once: a second press while it is on its way would say the same thing twice. */
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("#reply, #draft-text")) {
    event.target.form.querySelector(".primary").click();
  }
});
