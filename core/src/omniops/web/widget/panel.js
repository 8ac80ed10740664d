/** The panel: who talks to whom, in what order. Loaded when a visitor first wants it. */
import { Api, Problem, Store, newKey } from "./api.js";
import { h, icon, mark, outside, webAddress } from "./dom.js";
import { events } from "./stream.js";
import { Growing, entry, notice, personForm } from "./view.js";
import { known, wordsFor } from "./words.js";

const CSS = "__CSS__";
const REMEMBER = "chat.remember";
const LONGEST = 4000;
const WAITS = [2, 4, 8, 15, 30];
const PHONE = "(max-width: 479px)";

export function mount(host, options) {
  return new Panel(host, options);
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

class Panel {
  constructor(host, { key, base, lang }) {
    this.host = host;
    this.api = new Api(base, key);
    this.store = new Store(key);
    this.lang = lang;
    this.state = "ai";
    this.seq = 0;
    this.choices = new Map();
    this.pending = null;
    this.config = null;
    this.setWords(lang || document.documentElement.lang || navigator.language);
    this.signal = navigator.globalPrivacyControl ? "gpc" : navigator.doNotTrack === "1" ? "dnt" : "none";
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    host.shadowRoot.adoptedStyleSheets = [...host.shadowRoot.adoptedStyleSheets, sheet];
    this.build();
  }

  setWords(language) {
    this.language = known(language);
    this.words = wordsFor(language);
  }

  /** What the view needs to draw a message and to act on it. */
  get ctx() {
    return {
      words: this.words,
      language: this.language,
      hours: this.config?.people_hours || "",
      offer: this.state === "ai",
      feedback: (id, helpful, place) => this.feedback(id, helpful, place),
      askPerson: () => this.showPersonForm(),
      toPerson: (email, form) => this.toPerson(email, form),
      focus: () => this.box.focus(),
    };
  }

  build() {
    const { words } = this;
    this.title = h("strong", { class: "title" });
    this.status = h("span", { class: "meta" });
    this.more = h("button", { type: "button", class: "glyph", "aria-label": words.more, "aria-expanded": "false", click: () => this.toggleMore() }, icon("more"));
    const close = h("button", { type: "button", class: "glyph", "aria-label": words.close, click: () => this.close() }, icon("x"));
    this.entries = h("div", { class: "entries" });
    this.log = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": words.log, tabindex: "0" }, this.entries);
    this.aside = h("div", { class: "choices", hidden: true });
    this.notices = h("div", { class: "notices" });
    this.box = h("textarea", { class: "box", rows: 1, "aria-label": words.write, maxlength: LONGEST, input: () => this.typed(), keydown: (event) => this.key(event) });
    this.sendButton = h("button", { class: "send", "aria-label": words.send }, icon("up"));
    this.stopButton = h("button", { type: "button", class: "send", hidden: true, "aria-label": words.stop, click: () => this.stop() }, icon("stop"));
    this.proofLink = h("a", { class: "quiet", hidden: true }, words.proof);
    this.personLink = h("button", { type: "button", class: "quiet", click: () => (this.state === "ai" ? this.showPersonForm() : this.toAi()) }, words.askPerson);
    this.spoken = h("div", { class: "spoken", "aria-live": "polite" });
    this.urgent = h("div", { class: "spoken", "aria-live": "assertive" });
    const form = h("form", { class: "composer", submit: (event) => { event.preventDefault(); this.send(this.box.value); } }, this.box, this.sendButton, this.stopButton);
    this.panel = h(
      "div",
      { class: "panel", role: "dialog", hidden: true, keydown: (event) => this.panelKey(event) },
      h("div", { class: "head" }, h("div", null, this.title, this.status), this.more, close),
      this.log,
      this.aside,
      h("div", { class: "foot" }, this.notices, form, h("div", { class: "below" }, this.proofLink, this.personLink)),
      this.spoken,
      this.urgent,
    );
    this.host.shadowRoot.append(this.panel);
    addEventListener("online", () => this.wake?.());
  }

  // Opening and closing

  async open() {
    this.panel.hidden = false;
    this.host.setAttribute("open", "");
    this.host.setAttribute("used", "");
    const modal = matchMedia(PHONE).matches;
    this.panel.toggleAttribute("aria-modal", modal);
    if (modal) this.panel.setAttribute("aria-modal", "true");
    this.box.focus({ preventScroll: true });
    await (this.started ||= this.start());
    this.scroll(true);
  }

  close() {
    this.panel.hidden = true;
    this.host.removeAttribute("open");
    this.host.launcher.focus();
  }

  async start() {
    try {
      const response = await this.api.call("GET", `config?key=${encodeURIComponent(this.api.key)}`);
      this.config = await response.json();
    } catch (error) {
      this.started = null;
      this.note(this.said(error, this.words.unreachable), "fail", [this.words.again, () => this.open()]);
      return;
    }
    this.clearNotes();
    const { config } = this;
    if (!this.lang) this.setWords(config.language);
    this.panel.lang = this.language;
    this.title.textContent = config.title;
    this.panel.setAttribute("aria-label", config.title);
    this.box.placeholder = config.placeholder || this.words.write;
    const proof = config.proof_url && webAddress(config.proof_url);
    if (proof) for (const [name, value] of Object.entries({ ...outside(proof), hidden: null })) value === null ? this.proofLink.removeAttribute(name) : this.proofLink.setAttribute(name, value);
    this.api.token = this.store.read();
    this.showState();
    if (this.api.token) await this.restore();
    else this.welcome();
  }

  welcome() {
    const rows = (this.config.suggestions || []).map((text) => h("li", null, h("button", { type: "button", click: () => this.send(text) }, text, icon("right"))));
    rows.push(h("li", null, h("button", { type: "button", click: () => this.showPersonForm() }, this.words.askPersonInstead, icon("person"))));
    this.entries.replaceChildren(this.disclosure(this.config.disclosure), h("ul", { class: "suggestions" }, ...rows));
    this.greeting = true;
    this.showChoices();
  }

  disclosure(text) {
    return h("p", { class: "say disclosure" }, text, " ", mark("proved"));
  }

  async restore() {
    let found;
    try {
      found = await this.api.json("GET", "conversation");
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.store.forget();
        this.api.token = null;
        this.welcome();
        this.note(this.words.over, "");
        return;
      }
      this.started = null;
      this.note(this.said(error, this.words.unreachable), "fail", [this.words.again, () => this.open()]);
      return;
    }
    this.state = found.state;
    for (const [purpose, answer] of Object.entries(found.consents || {})) this.choices.set(purpose, answer === "given");
    this.entries.replaceChildren(this.disclosure(this.config.disclosure));
    for (const message of found.messages) this.add(message);
    this.showState();
    this.showChoices();
    if (found.running_turn) await this.follow(found.running_turn.id, 0);
    this.listen();
  }

  // Asking

  typed() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, 132)}px`;
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.send(this.box.value);
    }
  }

  /** Sends a text. It stays in the box until the server has it; sending it again is harmless. */
  async send(text) {
    const wanted = text.trim();
    if (!wanted || this.busy || !this.config) return;
    if (this.pending?.text !== wanted) this.pending = { text: wanted, key: newKey() };
    this.box.value = wanted;
    this.setBusy(true);
    this.clearNotes();
    try {
      if (!this.api.token) await this.begin();
      await this.ask(this.pending);
    } catch (error) {
      if (error.status === 401) {
        this.store.forget();
        this.api.token = null;
        this.setBusy(false);
        this.note(this.words.over, "");
        return this.send(wanted);
      }
      this.failed(error, wanted);
    } finally {
      this.setBusy(false);
    }
  }

  failed(error, text) {
    const retry = () => this.send(text);
    if (error.status === 0) this.retryLater(retry);
    else if (error.status === 409) this.note(this.words.busy, "warn", [this.words.again, retry]);
    else if (error.status === 429 || error.status === 503) this.note(`${this.words.tooMany} ${error.wait ? this.words.againIn(error.wait) : ""}`, "warn", [this.words.again, retry]);
    else this.note(this.said(error, this.words.failed), "fail", [this.words.again, retry]);
  }

  said(error, otherwise) {
    return error instanceof Problem && error.detail ? error.detail : otherwise;
  }

  /** Tries by itself, with longer and longer pauses, and at once when the connection is back. */
  async retryLater(act, attempt = 0) {
    const seconds = WAITS[Math.min(attempt, WAITS.length - 1)];
    this.status.textContent = this.words.retrying(seconds);
    this.note(this.words.offline, "warn", [this.words.now, () => this.wake?.()]);
    await new Promise((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, seconds * 1000);
    });
    this.wake = null;
    this.showState();
    await act();
  }

  async begin() {
    const { token } = await this.api.json("POST", "sessions", { key: this.api.key, language: this.lang || navigator.language || "en" });
    this.api.token = token;
    this.store.keep(token);
    for (const [purpose, given] of this.choices) await this.consent(purpose, given);
  }

  async ask(pending) {
    const response = await this.api.call("POST", "messages", {
      body: { text: pending.text, language: this.language },
      headers: { "Idempotency-Key": pending.key, Accept: "text/event-stream" },
    });
    const turn = { id: null, seq: 0, over: false };
    await this.read(response, turn);
    if (!turn.over) await this.follow(turn.id, turn.seq, turn);
    this.listen();
  }

  /** Takes an answer up again whose stream was cut. */
  async follow(id, seq, turn = { id, seq, over: false }) {
    this.setBusy(true);
    try {
      for (let attempt = 0; !turn.over && attempt < 20; attempt += 1) {
        try {
          if (!turn.id) throw new Problem(0);
          await this.read(await this.api.call("GET", `turns/${turn.id}/events?after=${turn.seq}`), turn);
        } catch (error) {
          if (error.status !== 0) throw error;
          if (!turn.id) throw error;
        }
        if (!turn.over) {
          this.status.textContent = this.words.retrying(WAITS[Math.min(attempt, WAITS.length - 1)]);
          await pause(Math.min(attempt, 8));
        }
      }
    } finally {
      this.setBusy(false);
      this.showState();
    }
  }

  async read(response, turn) {
    try {
      for await (const event of events(response)) {
        if (event.id) turn.seq = event.id;
        this.take(event, turn);
        if (turn.over) return;
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
    }
  }

  take({ type, data }, turn) {
    switch (type) {
      case "disclosure":
        this.leaveGreeting(data.text);
        break;
      case "message":
        this.acknowledged(data);
        break;
      case "turn":
        turn.id = data.id;
        this.turn = data.id;
        break;
      case "level":
        this.growing().level(data.level);
        break;
      case "text":
        this.growing().append(data.text);
        this.scroll();
        break;
      case "cite":
        this.growing().cite(data.n, data.source);
        break;
      case "done":
        turn.over = true;
        this.finish(data);
        break;
      case "none":
        turn.over = true;
        this.state = data.state;
        this.dropGrowing();
        break;
      case "error":
        turn.over = true;
        this.dropGrowing();
        this.note(data.detail || this.words.cut, "warn", ...(data.retry && this.lastText ? [[this.words.askAgain, () => this.send(this.lastText)]] : []));
        break;
      default:
    }
  }

  acknowledged(message) {
    this.pending = null;
    this.lastText = message.text;
    if (this.box.value.trim() === message.text) this.box.value = "";
    this.typed();
    this.leaveGreeting(this.config.disclosure);
    this.add(message);
    this.scroll(true);
  }

  /** The first thing that is shown stays the first thing: the disclosure stands above everything. */
  leaveGreeting(text) {
    if (!this.greeting) return;
    this.greeting = false;
    this.entries.replaceChildren(this.disclosure(text));
    this.showChoices();
  }

  growing() {
    if (!this.grown) {
      this.grown = new Growing(this.ctx);
      this.entries.append(this.grown.element);
    }
    return this.grown;
  }

  dropGrowing() {
    this.grown?.element.remove();
    this.grown = null;
  }

  finish(message) {
    const follows = this.near();
    const drawn = entry(message, this.ctx);
    if (this.grown) this.grown.element.replaceWith(drawn);
    this.grown = null;
    if (this.has(message)) drawn.remove();
    else if (!drawn.isConnected) this.entries.append(drawn);
    this.mark(message);
    this.spoken.textContent = `${this.words.ai}: ${{ closest: this.words.closest, none: this.words.none }[message.level] || message.text}`;
    if (follows) this.reveal(drawn);
  }

  has(message) {
    return message.seq <= this.seq;
  }

  mark(message) {
    this.seq = Math.max(this.seq, message.seq || 0);
  }

  add(message) {
    if (this.has(message)) return;
    this.mark(message);
    this.entries.append(entry(message, this.ctx));
  }

  async stop() {
    if (this.turn) await this.api.call("POST", `turns/${this.turn}/stop`).catch(() => {});
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
        for await (const { type, data } of events(response)) if (type === "message") this.arrived(data);
      } catch (error) {
        if (error.status && error.status !== 429 && error.status < 500) break;
      }
      await pause(WAITS[Math.min(attempt, WAITS.length - 1)]);
    }
    this.listening = false;
  }

  arrived(message) {
    if (this.has(message) || (this.busy && message.author !== "person")) return;
    if (message.author === "person") {
      this.state = "human";
      this.human = message.name;
      this.urgent.textContent = `${message.name || this.words.person}: ${message.text}`;
    } else if (message.event === "back_to_ai") this.state = "ai";
    const follows = this.near();
    this.add(message);
    this.showState();
    if (follows) this.scroll(true);
  }

  showPersonForm() {
    if (this.state !== "ai" || !this.config) return;
    const there = this.entries.querySelector(".to-person");
    const form = there || personForm(this.ctx);
    if (!there) this.entries.append(form);
    this.scroll(true);
    form.querySelector("input").focus();
  }

  async toPerson(email, form) {
    await this.attempt(async () => {
      if (!this.api.token) await this.begin();
      const { state, message } = await this.api.json("POST", "person", { email });
      form.remove();
      this.leaveGreeting(this.config.disclosure);
      this.state = state;
      this.add(message);
      this.urgent.textContent = message.text;
      this.showState();
      this.scroll(true);
      this.listen();
    });
  }

  async toAi() {
    await this.attempt(async () => {
      const { state, message } = await this.api.json("POST", "ai", {});
      this.state = state;
      this.add(message);
      this.showState();
      this.scroll(true);
    });
  }

  async feedback(message, helpful, place) {
    await this.attempt(async () => {
      await this.api.json("POST", "feedback", { message, helpful });
      place.replaceChildren(this.words.thanks);
    });
  }

  async attempt(act) {
    this.clearNotes();
    try {
      await act();
    } catch (error) {
      this.note(error.status === 0 ? this.words.unreachable : this.said(error, this.words.failed), "fail");
    }
  }

  // Choices

  toggleMore() {
    const open = this.more.getAttribute("aria-expanded") !== "true";
    this.more.setAttribute("aria-expanded", String(open));
    this.showChoices();
  }

  /** Offered before the first question, never chosen beforehand; afterwards behind the dots. */
  showChoices() {
    const open = this.more.getAttribute("aria-expanded") === "true";
    const list = this.config?.choices || [];
    this.aside.hidden = !(open || (this.greeting && list.length && this.signal === "none"));
    if (this.aside.hidden) return;
    const rows = list.map(({ purpose, title, note }) => {
      const chosen = this.choices.get(purpose);
      const blocked = this.signal !== "none" && chosen !== true;
      const button = (label, given) =>
        h("button", { type: "button", "aria-pressed": String(chosen === given), click: () => this.choose(purpose, given) }, label);
      return h(
        "div",
        { class: "choice", role: "group", "aria-label": title },
        h("div", null, h("span", null, title), h("span", { class: "meta" }, blocked ? this.words.signal : note)),
        h("div", { class: "pair" }, button(this.words.no, false), button(this.words.yes, true)),
      );
    });
    this.aside.replaceChildren(h("strong", null, this.words.choices(list.length)), h("p", { class: "meta" }, this.words.choicesNote), ...rows);
    if (open && this.api.token) {
      const count = this.entries.querySelectorAll(".entry").length;
      this.aside.append(h("button", { type: "button", class: "button forget", click: () => this.forget() }, this.words.forgetNow(count)));
    }
  }

  async choose(purpose, given) {
    this.choices.set(purpose, given);
    this.showChoices();
    if (this.api.token) await this.attempt(() => this.consent(purpose, given));
  }

  async consent(purpose, given) {
    await this.api.json("POST", "consent", { purpose, given, signal: this.signal });
    if (purpose !== REMEMBER) return;
    if (given) this.store.remember(this.api.token);
    else this.store.unremember();
  }

  async forget() {
    const told = await this.api.json("DELETE", "session").then(() => true, (error) => error.status === 401);
    this.store.forget();
    this.api.token = null;
    this.state = "ai";
    this.seq = 0;
    this.choices.clear();
    this.more.setAttribute("aria-expanded", "false");
    this.clearNotes();
    this.welcome();
    this.showState();
    this.note(told ? this.words.forgotten : this.words.notTold, "");
    this.box.focus();
  }

  // Showing

  showState() {
    const { words, config } = this;
    const hours = config?.people_hours ? ` · ${words.people(config.people_hours)}` : "";
    const human = `${words.here(this.human || words.person)} · ${words.aiStopped}`;
    this.status.textContent = { waiting: `${words.waiting} · ${words.aiStopped}`, human }[this.state] || `${words.aiNow}${hours}`;
    this.personLink.textContent = this.state === "ai" ? words.askPerson : words.backToAi;
    this.box.placeholder = this.state === "human" && this.human ? words.writeTo(this.human) : config?.placeholder || words.write;
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
    const top = element.offsetTop - log.offsetTop - 20;
    log.scrollTop = Math.min(top, log.scrollHeight);
  }

  panelKey(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab" && matchMedia(PHONE).matches) this.trap(event);
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
