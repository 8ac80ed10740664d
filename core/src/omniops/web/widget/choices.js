/** What a visitor may allow, and the way to be forgotten: offered before the first question, later behind the dots. */
import { h, icon, outside } from "./dom.js";

const REMEMBER = "chat.remember";
const COUNT = "analytics";

export class Choices {
  constructor(panel) {
    this.panel = panel;
    this.made = new Map();
    this.signal = navigator.globalPrivacyControl ? "gpc" : navigator.doNotTrack === "1" ? "dnt" : "none";
    this.element = h("div", { class: "choices", hidden: true });
    const props = { type: "button", class: "glyph", "aria-label": panel.words.more, "aria-expanded": "false" };
    this.button = h("button", { ...props, click: () => this.toggle() }, icon("more"));
  }

  get open() {
    return this.button.getAttribute("aria-expanded") === "true";
  }

  toggle() {
    this.button.setAttribute("aria-expanded", !this.open);
    this.show();
  }

  restore(consents) {
    for (const [purpose, answer] of Object.entries(consents)) this.made.set(purpose, answer === "given");
    // Also where the yes to it was taken back elsewhere, or ran out.
    if (!this.made.get(REMEMBER)) this.panel.store.unremember();
    this.count();
  }

  reset() {
    this.made.clear();
    this.button.setAttribute("aria-expanded", "false");
  }

  /** What is asked for here. Where a banner asks on the same page, or on our own pages, visits are not the chat's to count. */
  get list() {
    const { api, config } = this.panel;
    const elsewhere = window.omniopsConsent || new URL(api.base).origin === location.origin;
    return (config?.choices || []).filter(({ purpose }) => purpose !== COUNT || !elsewhere);
  }

  /** Nothing is chosen beforehand. A browser that asks not to be tracked is not asked in turn. */
  show() {
    const { greeting, words } = this.panel;
    const { list, open } = this;
    this.element.hidden = !(open || (greeting && list.length && this.signal === "none"));
    if (this.element.hidden) return;
    this.element.replaceChildren(
      h("strong", null, this.panel.say("choices", list.length)),
      h("p", { class: "meta" }, words.choicesNote),
      ...list.map((choice) => this.row(choice)),
    );
    if (!open) return;
    const { api, config, entries } = this.panel;
    this.element.append(this.panel.notes(), h("a", { class: "quiet", ...outside(config.choices_url + (api.token || "")) }, config.choices_title));
    if (api.token) {
      const said = this.panel.say("forget", entries.querySelectorAll(".entry").length);
      this.element.append(h("button", { type: "button", class: "button forget", click: () => this.panel.forget() }, said));
    }
  }

  row({ purpose, title, note }) {
    const { words } = this.panel;
    const chosen = this.made.get(purpose);
    const blocked = this.signal !== "none" && chosen !== true;
    const forbidden = blocked && purpose !== REMEMBER;
    const button = (label, given) =>
      h("button", { type: "button", "aria-pressed": String(chosen === given), click: () => this.choose(purpose, given) }, label);
    return h(
      "div",
      { class: "choice", role: "group", "aria-label": title },
      h("div", null, h("span", null, title), h("span", { class: "meta" }, blocked ? words.signal : note)),
      forbidden ? null : h("div", { class: "pair" }, button(words.no, false), button(words.yes, true)),
    );
  }

  async choose(purpose, given) {
    this.made.set(purpose, given);
    this.show();
    this.panel.host.emit("consent", { purpose, given });
    if (this.panel.api.token) await this.panel.attempt(() => this.record(purpose, given));
  }

  /** Tells a server that has just begun a session what was chosen before it. */
  async tell() {
    for (const [purpose, given] of this.made) await this.record(purpose, given);
  }

  async record(purpose, given) {
    const { api, config, language: locale, store } = this.panel;
    const version = config.choices.find((choice) => choice.purpose === purpose)?.version || "";
    await api.json("POST", "consent", { purpose, given, version, method: "widget", locale, signal: this.signal });
    if (purpose === COUNT) this.count();
    if (purpose === REMEMBER) store[given ? "remember" : "unremember"](api.token);
  }

  /** Counts this visit from a yes on, for as long as it stands. */
  async count() {
    const { api, config } = this.panel;
    const allowed = () => this.signal === "none" && this.made.get(COUNT) === true;
    if (!allowed() || !this.list.some(({ purpose }) => purpose === COUNT)) return;
    const collector = await import(`${api.base}${config.collector}`).catch(() => null);
    collector?.count({ base: api.base, key: api.key, token: () => allowed() && api.token });
  }
}
