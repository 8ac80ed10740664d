/** What the signed receipt of an answer says, in plain words. A part of the chat, fetched with the first one. */
const WORDS = "__WORDS__";
export const CSS = "__CSS__";

/** The claims of a JWS. Its signature is for whoever saves it: what checks itself here would prove nothing. */
function claims(jws) {
  const body = atob(jws.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(body, (character) => character.charCodeAt(0))));
}

/** Each line of a receipt: what it is about, and what is so. */
function lines(said, panel, lent) {
  const { fill, when } = lent;
  const { language, words } = panel;
  const hidden = Object.values(said.hidden).reduce((sum, count) => sum + count, 0);
  const what = said.categories_sent.map((key) => (key === "user.content.chat" ? WORDS.chat : key)).join(", ");
  const found = [
    [WORDS.by, [`${words.ai}: ${said.provider}, ${said.model}`, when(said.written_at, language)].join(" · ")],
    [WORDS.sent, said.processor ? `${said.processor} (${said.region}): ${what}` : WORDS.nothing],
  ];
  if (hidden) found.push([WORDS.hidden, String(hidden)]);
  if (said.processor) found.push([WORDS.keeps, WORDS[said.vendor_keeps] || WORDS.unknown]);
  if (said.tools.length) found.push([WORDS.tools, said.tools.map((name) => name.replaceAll("_", " ")).join(", ")]);
  found.push([WORDS.sources, said.sources.length ? said.sources.map(({ title }) => title).join(", ") : words.unsourced]);
  if (said.delete_after) found.push([WORDS.until, new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { dateStyle: "medium" }).format(new Date(said.delete_after))]);
  return found;
}

/** Shows the receipt below its answer, or takes it away again. */
export async function toggle(panel, lent, message, button) {
  const { h, outside } = lent;
  const line = button.parentElement;
  if (line.nextElementSibling?.matches(".receipt")) {
    URL.revokeObjectURL(line.nextElementSibling.querySelector("[download]").href);
    line.nextElementSibling.remove();
    button.setAttribute("aria-expanded", "false");
    return;
  }
  const jws = await (await panel.api.call("GET", `messages/${message.id}/receipt`)).text();
  if (line.nextElementSibling?.matches(".receipt")) return;
  const href = URL.createObjectURL(new Blob([jws], { type: "application/jose" }));
  const shown = h(
    "section",
    { class: "card receipt", "aria-label": WORDS.title },
    h("strong", null, WORDS.title),
    h("dl", { class: "meta" }, ...lines(claims(jws), panel, lent).flatMap(([term, words]) => [h("dt", null, term), h("dd", null, words)])),
    h("p", { class: "meta" }, WORDS.signed, " ", h("a", outside(`${panel.api.base}.well-known/omniops-receipts.json`), WORDS.keys)),
    h("div", { class: "actions" }, h("a", { class: "button", href, download: `receipt-${message.id}.jws` }, WORDS.save)),
  );
  line.after(shown);
  button.setAttribute("aria-expanded", "true");
  if (shown.getBoundingClientRect().bottom > panel.log.getBoundingClientRect().bottom) shown.scrollIntoView({ block: "nearest" });
}
