/** How messages look: elements that tell their panel what the visitor wants. Nothing here talks to the server. */
import { h, icon, mark, outside, webAddress } from "./dom.js";
import { when } from "./words.js";

/** A card takes its place once its file is here; where that cannot be had, the text of the message stands alone. */
function cardView(card, panel, chip, source) {
  const place = h("div", { class: "card-place" });
  panel.part("cards", "cardView", card, chip, source).then((drawn) => place.replaceWith(drawn), () => place.remove());
  return place;
}

const initials = (name) => name.split(/\s+/).map((part) => part[0] || "").slice(0, 2).join("").toUpperCase();

const said = (iso, language) => h("time", { datetime: iso }, when(iso, language));

/** A piece of text with its line breaks. */
function lines(text) {
  return text.split("\n").flatMap((line, i) => (i ? [h("br"), line] : [line]));
}

/** A citation's number. It opens the source's page; its state is told by its form: filled is sourced, outlined is not claimed. */
function chip(n, source, filled, panel) {
  const href = source && webAddress(source.url);
  const props = { class: filled ? "chip filled" : "chip", "aria-label": `${panel.say("source", n)}: ${source?.title || ""}` };
  return href ? h("a", { ...props, ...outside(href) }, n) : h("span", { ...props, role: "img" }, n);
}

/** A source. Its words stand below its title unless the answer itself says them. */
function sourceRow(source, text, panel) {
  const href = webAddress(source.url);
  const title = href ? h("a", outside(href), source.title) : h("span", null, source.title);
  return h(
    "li",
    null,
    chip(source.n, source, true, panel),
    h("span", { class: "name" }, title),
    h("span", { class: "meta" }, panel.say("read", when(source.read_at, panel.language))),
    text.includes(source.quote) ? null : h("q", { class: "say" }, source.quote),
  );
}

/** The line below an answer: how many passages it stands on, and whether it helped. Half an answer has none. */
function proof(message, state, note, panel) {
  if (message.interrupted) return null;
  const { words } = panel;
  const line = h("p", { class: "proof meta" }, mark(state), note);
  if (message.id) {
    line.append(h("button", { type: "button", class: "link", "aria-expanded": "false", click: ({ currentTarget }) => panel.attempt(() => panel.part("receipt", "toggle", message, currentTarget)) }, words.receipt));
    const vote = h("span", { class: "vote" }, words.helpful);
    for (const [label, helpful] of [[words.yes, true], [words.no, false]]) {
      vote.append(h("button", { type: "button", class: "link", click: () => panel.feedback(message.id, helpful, vote) }, label));
    }
    line.append(vote);
  }
  return line;
}

/** Text and the chip that ends it are one claim; pointing at the chip or at its source shows which words it carries. */
function answered(message, panel) {
  const body = h("div", { class: "text" });
  const claims = new Map();
  let claim = h("span", { class: "claim" });
  const cards = [];
  const inText = new Set();
  for (const part of message.parts) {
    const source = message.sources[part.n - 1];
    if (part.type === "text") claim.append(...lines(part.text));
    else if (part.type === "card") cards.push(cardView(part.card, panel, part.n && chip(part.n, source, true, panel), source));
    else {
      claim.append(chip(part.n, source, true, panel));
      claims.set(part.n, claim);
      inText.add(part.n);
      body.append(claim);
      claim = h("span", { class: "claim" });
    }
  }
  body.append(claim);
  const sources = message.sources
    .filter(({ n }) => inText.has(n))
    .map((source) => {
      const row = sourceRow(source, message.text, panel);
      for (const [event, on] of [["pointerenter", true], ["pointerleave", false]])
        row.addEventListener(event, () => claims.get(source.n).classList.toggle("shown", on));
      return row;
    });
  const count = message.sources.length;
  return [
    body,
    ...cards,
    sources.length ? h("ol", { class: "sources" }, ...sources) : null,
    proof(message, count ? "proved" : "unproven", count ? panel.say("passages", count) : panel.words.unsourced, panel),
  ];
}

function closest(message, panel) {
  const { words, language } = panel;
  const rows = message.sources.map((source) => {
    const href = webAddress(source.url);
    const from = href ? h("a", outside(href), source.title) : source.title;
    const origin = h("p", { class: "meta" }, from, `, ${panel.say("read", when(source.read_at, language))}`);
    return h("li", null, chip(source.n, source, false, panel), h("div", null, h("q", { class: "say" }, source.quote), origin));
  });
  return [
    h("p", { class: "say finding" }, words.closest),
    h("ol", { class: "passages" }, ...rows),
    proof(message, "unproven", `${panel.say("passages", rows.length)}, ${words.noClaim}`, panel),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", class: "button strong", click: () => panel.showPersonForm() }, words.askPerson),
      h("button", { type: "button", class: "button", click: () => panel.box.focus() }, words.differently),
    ),
  ];
}

function nothing(message, panel) {
  const { words } = panel;
  return [
    h("p", { class: "say finding" }, words.none),
    proof(message, "not", panel.say("passages", 0), panel),
    panel.state === "ai" ? personForm(panel) : null,
  ];
}

/** The way to a person, with an address if the visitor wants an e-mail. */
export function personForm(panel) {
  const { words } = panel;
  const hours = panel.hours(true);
  const wrong = h("p", { class: "meta fail", role: "alert" });
  const invalid = (event) => {
    event.preventDefault();
    wrong.textContent = words.emailWrong;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  };
  const field = h("input", { type: "email", pattern: ".+[.].+", class: "field", placeholder: "you@example.com", "aria-label": words.email, maxlength: 254, autocomplete: "email", invalid });
  const submit = (event) => {
    event.preventDefault();
    panel.toPerson(field.value || null, form);
  };
  const form = h(
    "form",
    { class: "to-person", submit },
    h("div", { class: "callout" }, h("strong", null, hours ? panel.say("offerFrom", hours) : words.offer, panel.wait && ` ${panel.wait}`), h("p", { class: "meta" }, words.offerNote)),
    field,
    wrong,
    h(
      "div",
      { class: "actions" },
      h("button", { class: "button strong" }, words.toPerson),
      h("button", { type: "button", class: "button", click: () => { form.remove(); panel.box.focus(); } }, words.noThanks),
    ),
  );
  return form;
}

const byAi = (iso, panel) =>
  h("p", { class: "by" }, h("span", { class: "ai" }, panel.words.ai), iso ? said(iso, panel.language) : null);

/** A complete message of anybody. */
export function entry(message, panel) {
  const { words, language } = panel;
  const lang = message.lang || null;
  if (message.author === "visitor") {
    const bubble = h("div", { class: "bubble" }, ...lines(message.text));
    if (message.event === "attachment") panel.part("files", "draw", bubble, message.parts[0]).catch(() => {});
    return h("article", { class: "entry visitor", lang, "aria-label": words.visitor }, bubble);
  }
  if (message.author === "person") {
    const name = message.name || words.person;
    return h(
      "article",
      { class: "entry person", lang },
      h("span", { class: "face", "aria-hidden": "true" }, initials(name)),
      h("div", null, h("p", { class: "by" }, h("strong", null, name), said(message.at, language)), h("div", { class: "bubble" }, ...lines(message.text))),
    );
  }
  if (message.author === "system") {
    if (message.event !== "handed_off") return h("p", { class: "event meta" }, h("span", null, message.text));
    const hours = panel.hours(true);
    const until = panel.wait || (hours && panel.say("offerFrom", hours));
    return h("div", { class: "callout entry" }, h("strong", null, message.text), until ? h("p", { class: "meta" }, until) : null);
  }
  const shape = { closest, none: nothing }[message.level] || answered;
  const again = h("button", { type: "button", class: "link", click: () => panel.send(panel.lastText) }, words.askAgain);
  const cut = message.interrupted ? h("p", { class: "proof meta" }, words.stopped, again) : null;
  return h("article", { class: "entry", lang }, byAi(message.at, panel), ...shape(message, panel).filter(Boolean), cut || "");
}

/** An answer while it is written: text is appended, nothing is drawn anew. */
export class Growing {
  constructor(panel) {
    this.panel = panel;
    this.text = h("div", { class: "text growing" });
    this.sign = h("p", { class: "meta" });
    this.element = h("article", { class: "entry", "aria-busy": "true" }, byAi("", panel), this.sign, this.text);
    this.filled = true;
  }

  level(value) {
    const { words } = this.panel;
    this.filled = value === "answer";
    if (value !== "answer") this.text.before(h("p", { class: "say finding" }, value === "closest" ? words.closest : words.none));
    this.text.classList.toggle("say", value === "closest");
  }

  append(text) {
    this.text.append(...lines(text));
  }

  cite(n, source) {
    this.text.append(chip(n, source, this.filled, this.panel));
  }

  card({ card, n, source }) {
    this.element.append(cardView(card, this.panel, n && chip(n, source, true, this.panel), source));
  }
}

/** A notice with what can be done about it. */
export function notice(text, kind, ...buttons) {
  return h("div", { class: `callout ${kind}` }, h("p", null, icon("warn"), text), buttons.length ? h("div", { class: "actions" }, ...buttons) : null);
}
