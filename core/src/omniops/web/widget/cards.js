/** Typed cards: what contracts/cards.py describes, as elements. Every word is a text node, every address is checked.
 * A part of the chat, fetched with the first card in the panel's language; the panel lends its tools. */
const WORDS = "__WORDS__";
export const CSS = "__CSS__";
let h, outside, webAddress, when;

const KINDS = { text, buttons, list, form, product };

/** A card of a kind that this panel does not know is left out: the text of its message says what matters. */
export function cardView(panel, lent, card, chip, source) {
  ({ h, outside, webAddress, when } = lent);
  return Object.hasOwn(KINDS, card.kind) ? KINDS[card.kind](card, panel, chip, source) : "";
}

/** "£289.00", or both words as they are where the currency is none. */
function money(amount, currency, language) {
  try {
    return new Intl.NumberFormat(language === "en" ? "en-GB" : language, { style: "currency", currency }).format(amount);
  } catch {
    return `${amount} ${currency}`.trim();
  }
}

const frame = (label, ...parts) => h("section", { class: "card", "aria-label": label }, ...parts);

function link(url, label, kind) {
  const href = webAddress(url);
  return href ? h("a", { class: kind, ...outside(href) }, label) : null;
}

function text({ title, text: words }) {
  return frame(title, h("strong", null, title), h("p", null, words));
}

/** A button says its words for the visitor, or opens a page. */
function buttons({ text: words, buttons: list }, panel) {
  const made = list.map(({ label, say, url }) =>
    url ? link(url, label, "button") : h("button", { type: "button", class: "button", click: () => panel.send(say || label) }, label),
  );
  return frame(words, h("p", null, words), h("div", { class: "actions" }, ...made));
}

function list({ title, rows }) {
  const row = ({ title: name, text: words, url }) =>
    h("li", null, link(url, name, "name") || h("span", { class: "name" }, name), words ? h("span", { class: "meta" }, words) : null);
  return frame(title, h("strong", null, title), h("ul", null, ...rows.map(row)));
}

/** What is filled in is sent as the visitor's own message, one line per field, and stands in the conversation. */
function form({ title, fields, send }, panel) {
  const inputs = fields.map(({ kind, options, required, label }) => {
    const props = { class: "field", required, "aria-label": label, maxlength: 400 };
    if (kind !== "choice") return h("input", { type: kind, ...props });
    return h("select", props, h("option", { value: "" }), ...options.map((option) => h("option", null, option)));
  });
  const wrong = h("p", { class: "meta fail", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    const bad = inputs.find((input) => !input.checkValidity());
    wrong.textContent = bad ? `${bad.getAttribute("aria-label")}: ${WORDS.needed}` : "";
    if (bad) bad.focus();
    else panel.send(inputs.map((input, i) => `${fields[i].label}: ${input.value.trim()}`).join("\n"));
  };
  const labelled = inputs.map((input, i) => h("label", null, fields[i].label, input));
  return h("form", { class: "card", novalidate: true, "aria-label": title, submit }, h("strong", null, title), ...labelled, wrong, h("button", { class: "button strong" }, send));
}

function product({ name, price, currency, note, stock, url, variants }, panel, chip, source) {
  const { language } = panel;
  const cost = (amount) => amount && money(amount, currency, language);
  const stocked = (state, left) => ({ in_stock: WORDS.inStock, sold_out: WORDS.soldOut })[state] + (left ? ` (${left})` : "");
  const cell = (v) =>
    h("li", null, h("strong", null, v.name), ...[cost(v.price), v.note, v.stock && stocked(v.stock, v.left)].filter(Boolean).map((said) => h("span", { class: "meta" }, said)));
  const lowest = variants.some((v) => v.price) ? WORDS.from.replace("{}", cost(price)) : cost(price);
  return frame(
    name,
    h("div", { class: "top" }, h("strong", null, name), h("strong", null, lowest || "")),
    h("p", { class: "meta" }, [note, stock && stocked(stock)].filter(Boolean).join(" · ")),
    variants.length ? h("ul", { class: "cells" }, ...variants.map(cell)) : null,
    h("div", { class: "under" }, chip || "", source ? h("span", { class: "meta" }, panel.say("read", when(source.read_at, language))) : "", link(url, WORDS.view, "button") || ""),
  );
}
