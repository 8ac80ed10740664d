/** A question on its way: sent once, whatever the line does, and its answer taken event by event. */
import { Problem, newKey } from "./api.js";
import { events } from "./stream.js";
import { Growing, entry } from "./view.js";

export const WAITS = [2, 4, 8, 15, 30];

export const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** What a panel does about messages. It draws itself in `panel.js`. */
export class Asking {
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
    await this.begun();
    if (!wanted || this.busy || !this.config) return;
    if (this.pending?.text !== wanted) this.pending = { text: wanted, key: newKey() };
    this.store.wait(this.pending);
    this.box.value = wanted;
    this.setBusy(true);
    this.clearNotes();
    if (this.state === "ai") this.growing();
    this.scroll(true);
    try {
      if (!this.api.token) await this.begin();
      await this.ask(this.pending);
      this.attempts = 0;
    } catch (error) {
      this.dropGrowing();
      if (error.status === 401) {
        this.ended();
        this.setBusy(false);
        this.note(this.words.over, "");
        return this.send(wanted);
      }
      this.failed(error, this.pending);
    } finally {
      this.setBusy(false);
    }
    if (this.gap) await this.restore();
  }

  failed(error, pending) {
    const { code = "", status } = error;
    this.host.emit("error", { status, code });
    const retry = () => (pending ? this.pending === pending && this.send(pending.text) : this.send(this.lastText));
    if (error.status === 0 && pending) this.retryLater(retry);
    else if (error.status === 409) this.note(this.words.busy, "warn", [this.words.again, retry]);
    else if (error.status === 429 || error.status === 503) this.note(`${this.words.tooMany} ${error.wait ? this.say("againIn", error.wait) : ""}`, "warn", [this.words.again, retry]);
    else this.note(this.said(error, this.words.failed), "fail", [this.words.again, retry]);
  }

  /** The server explains itself in English; in another language our own sentence has to do. */
  said(error, otherwise) {
    return (this.language === "en" && error.detail) || otherwise;
  }

  /** Tries by itself, with longer and longer pauses, and at once when the connection is back. */
  async retryLater(act) {
    const seconds = WAITS[Math.min(this.attempts, WAITS.length - 1)];
    this.attempts += 1;
    this.status.textContent = this.say("retrying", seconds);
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
    const { token } = await this.api.json("POST", "sessions", { key: this.api.key, language: this.language });
    this.api.token = token;
    this.store.keep(token);
    await this.choices.tell();
    await this.introduce();
  }

  /** Who the website says this is. It is told with the first message; nothing is sent before the visitor writes. */
  async identify(who) {
    this.who = who;
    if (this.api.token) await this.introduce();
  }

  async introduce() {
    if (!this.who) return;
    const { id, hash } = this.who;
    try {
      await this.api.json("POST", "identify", hash ? { id, hash } : { jwt: this.who });
    } catch (error) {
      this.host.emit("error", { status: error.status, code: error.code });
    }
  }

  consent(purpose, given) {
    return this.choices.choose(purpose, given);
  }

  /** The number of what this browser chose in a banner, or none: it goes with each message, so that what is taken back
   * here ends there too. */
  chosen(number) {
    this.number = number;
  }

  async ask(pending) {
    const response = await this.api.call("POST", "messages", {
      body: { text: pending.text, language: this.language, consent: this.number },
      headers: { "Idempotency-Key": pending.key, Accept: "text/event-stream" },
    });
    const turn = { id: null, seq: 0, over: false };
    await this.read(response, turn);
    if (turn.id && !turn.over) await this.follow(turn.id, turn.seq, turn);
    else if (!turn.over && this.pending === pending) throw new Problem(0);
    if (!turn.over || this.pending === pending) await this.settled();
    this.listen();
  }

  /** The server has the message, as its answer to the key says, but what became of it was not heard: looked up. */
  async settled() {
    this.sent();
    this.setBusy(false);
    await this.restore();
    this.scroll(true);
  }

  sent() {
    this.pending = null;
    this.store.wait(null);
    this.box.value = "";
    this.typed();
  }

  /** Takes an answer up again whose stream was cut. */
  async follow(id, seq, turn = { id, seq, over: false }) {
    this.setBusy(true);
    try {
      for (let attempt = 0; !turn.over && attempt < 20; attempt += 1) {
        try {
          await this.read(await this.api.call("GET", `turns/${turn.id}/events?after=${turn.seq}`), turn);
        } catch (error) {
          if (error.status !== 0) throw error;
        }
        if (!turn.over) {
          this.status.textContent = this.say("retrying", WAITS[Math.min(attempt, WAITS.length - 1)]);
          await pause(Math.min(attempt, 8));
        }
      }
      if (!turn.over) this.cutShort(this.words.cut, true);
    } finally {
      this.setBusy(false);
      this.showState();
    }
  }

  cutShort(detail, retry) {
    this.dropGrowing();
    this.note(detail, "warn", ...(retry && this.lastText ? [[this.words.askAgain, () => this.send(this.lastText)]] : []));
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
    this.grown?.sign.replaceChildren();
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
      case "card":
        this.growing().card(data);
        this.scroll();
        break;
      case "tool":
        this.spoken.textContent = this.growing().sign.textContent = this.say("looks", data.title);
        this.scroll();
        break;
      case "consent":
        this.choices.restore(data.consents);
        for (const purpose in data.consents) this.host.emit("consent", { purpose, given: false });
        break;
      case "reset":
        this.dropGrowing();
        break;
      case "done":
        turn.over = true;
        this.finish(data);
        if (data.state) this.became(data.state);
        break;
      case "none":
        turn.over = true;
        this.dropGrowing();
        this.became(data.state);
        break;
      case "error":
        turn.over = true;
        this.cutShort(this.words.cut, data.retry);
        break;
      default:
    }
  }

  acknowledged(message) {
    this.sent();
    this.leaveGreeting(this.config.disclosure);
    this.gap = message.seq > this.seq + 1;
    if (!this.has(message)) this.host.emit("message:sent", { id: message.id });
    this.add(message);
    this.scroll(true);
  }

  became(state) {
    if (state !== this.state && state !== "ai") this.host.emit("handover", { state });
    this.state = state;
    this.showState();
  }

  /** The first thing that is shown stays the first thing: the disclosure stands above everything. */
  leaveGreeting(text) {
    if (!this.greeting) return;
    this.greeting = false;
    this.entries.replaceChildren(this.disclosure(text), this.grown?.element || "");
    this.choices.show();
  }

  growing() {
    if (!this.grown) {
      this.grown = new Growing(this);
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
    const drawn = entry(message, this);
    drawn.classList.add("fresh");
    if (this.grown) this.grown.element.replaceWith(drawn);
    this.grown = null;
    if (this.has(message)) drawn.remove();
    else {
      if (!drawn.isConnected) this.entries.append(drawn);
      this.received(message);
    }
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

  /** The newest words come last, but before an answer that is being written. */
  add(message) {
    if (this.has(message)) return;
    this.mark(message);
    if (message.author === "visitor" && !message.event) this.lastText = message.text;
    const drawn = entry(message, this);
    if (this.grown) this.grown.element.before(drawn);
    else this.entries.append(drawn);
  }

  received({ id, author, level }) {
    this.host.emit("message:received", { id, author, level });
  }

  async stop() {
    if (this.turn) await this.api.call("POST", `turns/${this.turn}/stop`).catch(() => {});
  }
}
