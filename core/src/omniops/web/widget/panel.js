/** The panel: what is drawn, who is there, what was chosen. Loaded when a visitor first wants it. */
import { Api, Problem, Store } from "./api.js";
import { Asking, WAITS, pause } from "./asking.js";
import { Choices } from "./choices.js";
import { h, icon, mark, outside, webAddress } from "./dom.js";
import { events } from "./stream.js";
import { notice, personForm } from "./view.js";
import { BUILD, coming, directionOf, fill, when, wordsFor } from "./words.js";

const CSS = "__CSS__";
const LONGEST = 4000;
const RENEW = 43_200_000; // milliseconds before its end at which a session is renewed
const PHONE = "(max-width: 479px)";
const FILES = "image/*,.pdf,.txt,.log,.md,.csv";
/** The tools that parts borrow, so that nothing is loaded twice. */
const LENT = { h, icon, outside, webAddress, when, fill };

export async function mount(host, options) {
  return new Panel(host, { ...options, ...(await wordsFor(options.language, options.base)) });
}

class Panel extends Asking {
  constructor(host, { key, base, language, words }) {
    super();
    Object.assign(this, { host, language, words });
    this.api = new Api(base, key);
    this.store = new Store(key);
    this.state = "ai";
    this.seq = 0;
    this.attempts = 0;
    this.tries = "";
    this.pending = null;
    this.config = null;
    this.worn = new Set();
    this.wear(CSS);
    this.build();
  }

  /** Puts a style sheet on, once. */
  wear(css) {
    if (this.worn.has(css)) return;
    this.worn.add(css);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.host.shadowRoot.adoptedStyleSheets.push(sheet);
  }

  say(key, value) {
    return fill(this.words[key], value, this.language);
  }

  /** Does what a part of the chat does that few visitors need: a file of its own, with its words. A browser may remember
   * a failed import, so each further try has its own address. */
  async part(name, act, ...args) {
    const address = `${this.api.base}widget/${name}-${this.language}-${BUILD}.js${this.tries}`;
    const module = await import(address).catch((error) => {
      this.tries += "?";
      throw error;
    });
    this.wear(module.CSS);
    return module[act](this, LENT, ...args);
  }

  build() {
    const { words } = this;
    this.title = h("strong", { class: "title" });
    this.status = h("span", { class: "meta" });
    this.choices = new Choices(this);
    const close = h("button", { type: "button", class: "glyph", "aria-label": words.close, click: () => this.close() }, icon("x"));
    this.entries = h("div", { class: "entries" });
    this.log = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": words.log, tabindex: "0" }, this.entries);
    this.notices = h("div", { class: "notices" });
    this.box = h("textarea", { class: "box", rows: 1, "aria-label": words.write, maxlength: LONGEST, input: () => this.typed(), keydown: (event) => this.key(event) });
    const pick = h("input", { type: "file", accept: FILES, hidden: true, change: () => this.picked(pick) });
    this.clip = h("button", { type: "button", class: "glyph", hidden: true, "aria-label": words.attach, click: () => pick.click() }, icon("clip"));
    this.sendButton = h("button", { class: "send", "aria-label": words.send }, icon("up"));
    this.stopButton = h("button", { type: "button", class: "send", hidden: true, "aria-label": words.stop, click: () => this.stop() }, icon("stop"));
    this.proofLink = h("a", { class: "quiet", hidden: true }, words.proof);
    this.personLink = h("button", { type: "button", class: "quiet", click: () => (this.aiAnswers ? this.showPersonForm() : this.toAi()) }, words.askPerson);
    this.spoken = h("div", { class: "spoken", "aria-live": "polite" });
    this.urgent = h("div", { class: "spoken", "aria-live": "assertive" });
    const form = h("form", { class: "composer", submit: (event) => { event.preventDefault(); this.send(this.box.value); } }, this.box, pick, this.clip, this.sendButton, this.stopButton);
    this.panel = h(
      "div",
      { class: "panel", role: "dialog", lang: this.language, dir: directionOf(this.language), hidden: true, keydown: (event) => this.panelKey(event) },
      h("div", { class: "head" }, h("div", null, this.title, this.status), this.choices.button, close),
      this.log,
      this.choices.element,
      h("div", { class: "foot" }, this.notices, form, h("div", { class: "below" }, this.proofLink, this.personLink)),
      this.spoken,
      this.urgent,
    );
    this.host.shadowRoot.append(this.panel);
    addEventListener("online", () => this.wake?.());
    document.addEventListener("visibilitychange", () => this.sync());
  }

  // Opening and closing

  /** `modal` is told where the window is a frame, whose width says nothing of the page's. */
  async open(modal = matchMedia(PHONE).matches) {
    this.modal = modal;
    this.panel.hidden = false;
    this.panel.setAttribute("aria-modal", modal);
    this.host.emit("open");
    this.box.focus({ preventScroll: true });
    await this.begun();
    this.scroll(true);
  }

  close() {
    this.panel.hidden = true;
    this.host.emit("close");
  }

  begun() {
    return (this.started ||= this.start());
  }

  async start() {
    try {
      const response = await this.api.call("GET", `config?${new URLSearchParams({ key: this.api.key, language: this.language })}`);
      this.config = await response.json();
    } catch (error) {
      return this.unreachable(error);
    }
    this.clearNotes();
    const { config } = this;
    this.host.paint(config.brand);
    this.clip.hidden = !config.attachment_bytes;
    this.title.textContent = config.title;
    this.panel.setAttribute("aria-label", config.title);
    this.box.placeholder = config.placeholder || this.words.write;
    const proof = webAddress(config.proof_url);
    if (proof) Object.assign(this.proofLink, outside(proof), { hidden: false });
    this.api.token = this.store.read();
    this.showState();
    if (this.api.token) await this.restore();
    else this.welcome();
    const waiting = this.store.waiting();
    if (waiting) {
      this.pending = waiting;
      this.send(waiting.text);
    }
  }

  unreachable(error) {
    this.started = null;
    this.note(this.said(error, this.words.unreachable), "fail", [this.words.again, () => this.open()]);
  }

  /** What an AI's answers are not. */
  notes() {
    return h("ul", { class: "meta notes" }, ...this.config.notices.map(({ id, text }) => h("li", { "data-notice": id }, text)));
  }

  welcome() {
    const rows = this.config.suggestions.map((text) => h("li", null, h("button", { type: "button", click: () => this.send(text) }, text, icon("right"))));
    rows.push(h("li", null, h("button", { type: "button", click: () => this.showPersonForm() }, this.words.askPersonInstead, icon("person"))));
    this.entries.replaceChildren(this.disclosure(this.config.disclosure), h("ul", { class: "suggestions" }, ...rows), this.notes());
    this.greeting = true;
    this.choices.show();
  }

  disclosure(text) {
    return h("p", { class: "say disclosure" }, text, "\u00a0", mark("proved"));
  }

  async restore() {
    let found;
    this.seq = 0;
    try {
      found = await this.api.json("GET", "conversation");
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.ended();
        this.welcome();
        this.note(this.words.over, "");
        return;
      }
      return this.unreachable(error);
    }
    this.state = found.state;
    this.choices.restore(found.consents);
    this.greeting = false;
    this.dropGrowing();
    this.entries.replaceChildren(this.disclosure(this.config.disclosure));
    for (const message of found.messages) this.add(message);
    this.showState();
    this.choices.show();
    if (Date.parse(found.expires_at) - Date.now() < RENEW) await this.renew();
    if (found.running_turn) await this.follow(found.running_turn.id, 0);
    this.listen();
  }

  /** A fresh token before the session ends. Without an answer the old one is good until then. */
  async renew() {
    const fresh = await this.api.json("POST", "session/rotate").catch(() => null);
    if (!fresh) return;
    this.api.token = fresh.token;
    this.store.renew(fresh.token);
  }

  /** What another tab of this visitor wrote meanwhile. */
  async sync() {
    if (document.hidden || this.busy || !this.config || !this.api.token) return;
    const found = await this.api.json("GET", "conversation").catch(() => null);
    if (!found || this.busy || !found.messages.some((message) => !this.has(message))) return;
    await this.restore();
    this.scroll(true);
  }

  /** The session is over, here or at the server. */
  ended() {
    this.store.forget();
    this.api.token = null;
    this.state = "ai";
    this.seq = 0;
  }

  // People

  /** What people write arrives as long as one of them is expected. */
  async listen() {
    if (this.listening || this.state === "ai" || this.state === "closed") return;
    this.listening = true;
    for (let attempt = 0; this.state !== "ai" && this.api.token; attempt += 1) {
      try {
        const response = await this.api.call("GET", `events?after=${this.seq}`);
        attempt = 0;
        for await (const { type, data } of events(response)) type === "message" ? this.arrived(data) : this.personTypes();
      } catch (error) {
        if (error.status && error.status !== 429 && error.status < 500) break;
      }
      await pause(WAITS[Math.min(attempt, WAITS.length - 1)]);
    }
    this.listening = false;
  }

  /** Dots for as long as somebody goes on. */
  personTypes() {
    clearTimeout(this.fade);
    this.showState();
    this.status.textContent += " …";
    this.fade = setTimeout(() => this.showState(), 6000);
  }

  arrived(message) {
    if (this.has(message) || (this.busy && message.author !== "person")) return;
    if (message.author === "person") {
      this.human = message.name;
      this.became("human");
      this.received(message);
      this.urgent.textContent = `${message.name || this.words.person}: ${message.text}`;
    } else if (message.event === "back_to_ai") this.state = "ai";
    else if (message.event === "taken_over") this.became("human");
    const follows = this.near();
    this.add(message);
    this.showState();
    if (follows) this.scroll(true);
  }

  /** By itself, or once a person has looked at it. */
  get aiAnswers() {
    return this.state === "ai" || this.state === "draft";
  }

  /** Also for whoever asks before the panel knows its business. */
  async showPersonForm() {
    await this.begun();
    if (!this.aiAnswers || !this.config) return;
    const there = this.entries.querySelector(".to-person");
    const form = there || personForm(this);
    if (!there) this.entries.append(form);
    this.scroll(true);
    form.querySelector("input").focus();
  }

  async toPerson(email, form) {
    await this.attempt(async () => {
      if (!this.api.token) await this.begin();
      const { state, message } = await this.api.json("POST", "person", { email, language: this.language });
      form.remove();
      this.leaveGreeting(this.config.disclosure);
      this.add(message);
      this.urgent.textContent = message.text;
      this.became(state);
      this.scroll(true);
      this.listen();
    });
  }

  async toAi() {
    await this.attempt(async () => {
      const { state, message } = await this.api.json("POST", "ai", { language: this.language });
      this.add(message);
      this.became(state);
      this.scroll(true);
    });
  }

  async feedback(message, helpful, place) {
    await this.attempt(async () => {
      await this.api.json("POST", "feedback", { message, helpful });
      place.replaceChildren(this.words.thanks);
    });
  }

  picked(pick) {
    const [file] = pick.files;
    pick.value = "";
    if (file) this.attempt(() => this.part("files", "send", file));
  }

  async attempt(act) {
    this.clearNotes();
    try {
      await act();
    } catch (error) {
      this.note(error.status ? this.said(error, this.words.failed) : this.words.unreachable, "fail");
    }
  }

  async forget() {
    const told = await this.reset();
    this.note(told ? this.words.forgotten : this.words.notTold, "");
    this.box.focus();
  }

  /** Ends the session here and at the server. Says whether the server knows. */
  async reset() {
    this.api.token ||= this.store.read();
    const told = !this.api.token || (await this.api.json("DELETE", "session").then(() => true, (error) => error.status === 401));
    this.ended();
    this.who = null;
    this.pending = null;
    this.choices.reset();
    this.clearNotes();
    if (this.config) {
      this.welcome();
      this.showState();
    }
    return told;
  }

  // Showing

  showState() {
    const { words, config } = this;
    const hours = this.hours();
    const human = `${this.say("here", this.human || words.person)} · ${words.aiStopped}`;
    this.status.textContent = { waiting: `${words.waiting} · ${words.aiStopped}`, human }[this.state] || [words.aiNow, hours].filter(Boolean).join(" · ");
    this.personLink.textContent = this.aiAnswers ? words.askPerson : words.backToAi;
    this.box.placeholder = this.state === "human" && this.human ? this.say("writeTo", this.human) : config?.placeholder || words.write;
  }

  /** Whether people are there now. A chat that stays open sees them come and go. */
  peopleThere() {
    const { people } = this.config || {};
    if (!people?.open) return people?.opens && new Date() >= new Date(people.opens);
    return !people.until || new Date() < new Date(people.until);
  }

  /** How long they usually take, while they are there. */
  get wait() {
    return this.peopleThere() && this.config.people.minutes ? this.say("usual", this.config.people.minutes) : "";
  }

  /** When people answer: until when they are there, from when they are back, or the business's own words. `bare` is the
   * time alone, and nothing while they are there. */
  hours(bare) {
    const { people, people_hours: own } = this.config || {};
    const there = this.peopleThere();
    const next = there ? people.open && people.until : people?.opens;
    const time = next && coming(next, this.language);
    if (bare) return there ? "" : time || own || "";
    if (time) return this.say(there ? "until" : "back", time);
    return own ? this.say("people", own) : "";
  }

  setBusy(busy) {
    this.busy = busy;
    this.sendButton.hidden = busy;
    this.stopButton.hidden = !busy;
    this.box.readOnly = busy && this.pending !== null;
    if (!busy) this.turn = null;
  }

  note(text, kind, ...actions) {
    const buttons = actions.map(([label, act]) => h("button", { type: "button", class: "button", click: act }, label));
    const element = notice(text, kind, ...buttons);
    element.setAttribute("role", kind ? "alert" : "status");
    this.notices.replaceChildren(element);
  }

  clearNotes() {
    this.notices.replaceChildren();
  }

  near() {
    const { log } = this;
    return log.scrollHeight - log.scrollTop - log.clientHeight < 160;
  }

  /** Down to the newest words, unless the visitor reads further up. */
  scroll(always) {
    if (always || this.near()) this.log.scrollTop = this.log.scrollHeight;
  }

  /** The whole of a new message, or its beginning where it is taller than the window on it. */
  reveal(element) {
    const { log } = this;
    log.scrollTop = element.offsetTop - log.offsetTop - 20;
  }

  panelKey(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab" && this.modal) this.trap(event);
  }

  /** On a phone the panel covers the page, so the focus stays in it. */
  trap(event) {
    const stops = [...this.panel.querySelectorAll("button, a[href], textarea, input, [tabindex='0']")].filter((node) => node.offsetParent !== null);
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (this.host.shadowRoot.activeElement === edge) {
      event.preventDefault();
      (event.shiftKey ? stops.at(-1) : stops[0]).focus();
    }
  }
}
