/*
 * Asks a visitor of a website what may be done, with or without a chat on it. Put it first in the page's head, without
 * `async`, so that Google's tags find their defaults:
 *
 *   <script src="https://H/consent.js" data-domain="pk_…" data-purposes="analytics advertising"></script>
 *
 * With data-source="tcf" (or another name that the server knows) the page's own consent manager is asked in place of a
 * banner.
 *
 * It stores nothing and tells nobody before the visitor acts. A no is kept as a no and nothing else; a random number is
 * kept only after a yes. web/banner.py fills in the names in capitals.
 */
(() => {
  "use strict";
  const VERSION = "__VERSION__";
  const CSS = "__CSS__";
  const LANGUAGES = "__LANGUAGES__";
  const DAYS = "__DAYS__";
  const SOURCES = "__SOURCES__";
  const TAG = "omniops-consent";
  const GOOGLE = {
    analytics: ["analytics_storage"],
    advertising: ["ad_storage", "ad_user_data", "ad_personalization"],
  };

  const script = document.currentScript;
  const { domain: key, lang, theme, link, purposes: named = "analytics", source } = script.dataset;
  if (window.omniopsConsent) return;
  if (!key) {
    console.error('OmniOps: the script tag has no data-domain="pk_…", so nobody is asked. Copy the tag from the dashboard.');
    return;
  }
  if (source && !SOURCES.includes(source)) console.error(`OmniOps: the server knows no data-source="${source}", so nothing is allowed.`);
  const base = new URL(".", script.src).href;
  const purposes = named.split(/\s+/);
  const tag = (lang || document.documentElement.lang || navigator.language).replace("_", "-");
  const locale = /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i.test(tag) ? tag : "en";
  const short = locale.slice(0, 2).toLowerCase();
  const language = LANGUAGES.includes(short) ? short : "en";
  const signal = navigator.globalPrivacyControl ? "gpc" : navigator.doNotTrack === "1" ? "dnt" : "none";

  // What this browser keeps: when it was answered, the answers, after a yes a random number, and whether a no still has
  // to reach the server.
  const NAME = `omniops:${key}:consent`;
  let kept = read();

  function read() {
    try {
      const found = JSON.parse(localStorage.getItem(NAME));
      if (found.answers && Date.now() - found.at < DAYS * 864e5) return found;
      localStorage.removeItem(NAME);
    } catch {
      // Nothing is kept, or the browser forbids it.
    }
    return { answers: {} };
  }

  function keep(at = Date.now()) {
    kept.at = at;
    try {
      localStorage.setItem(NAME, JSON.stringify(kept));
    } catch {
      // The choice lasts as long as the page.
    }
  }

  // An earlier yes counts on this page once the server has said that it stands: it may have been taken back elsewhere.
  let sure = !kept.id;
  const allowed = (purpose) => sure && signal === "none" && kept.answers[purpose] === true;
  const state = () => Object.fromEntries(purposes.map((purpose) => [purpose, allowed(purpose)]));
  const asked = () => purposes.every((purpose) => purpose in kept.answers);

  function google(command, granted, more) {
    const said = { ...more };
    for (const [purpose, names] of Object.entries(GOOGLE)) for (const name of names) said[name] = granted(purpose) ? "granted" : "denied";
    // Google's tags take an `arguments` object and nothing else.
    (function push() {
      (window.dataLayer ||= []).push(arguments);
    })("consent", command, said);
  }

  const told = new Set();
  let collector;

  /** Brings the page to what is allowed now. */
  function apply() {
    if (Object.keys(kept.answers).length) google("update", allowed);
    activate();
    if (allowed("analytics")) {
      collector ||= import(`${base}consent/collect-${VERSION}.js`);
      collector.then((module) => module.count({ base, key, token: () => allowed("analytics") && kept.id }), () => (collector = null));
    }
    document.dispatchEvent(new CustomEvent("omniops:consent", { detail: state() }));
    for (const tell of told) tell(state());
    view.pill().catch(() => {});
    window.omniops?.chosen?.(kept.id);
  }

  /** Tags that wait as `text/plain` run once they may. The same element is put back: its text and address stay those
   * that the page brought, which a policy of trusted types lets pass. */
  function activate() {
    for (const waiting of document.querySelectorAll('script[type="text/plain"][data-omniops-purpose]')) {
      if (!waiting.dataset.omniopsPurpose.split(/\s+/).every(allowed)) continue;
      const { parentNode, nextSibling } = waiting;
      waiting.remove();
      waiting.removeAttribute("type");
      if (waiting.dataset.type) waiting.type = waiting.dataset.type;
      parentNode.insertBefore(waiting, nextSibling);
    }
  }

  let loading;
  const words = () =>
    (loading ||= import(`${base}consent/words-${language}-${VERSION}.js`).then(
      (module) => module.default,
      (error) => {
        loading = null;
        throw error;
      },
    ));

  async function call(path, init) {
    const response = await fetch(`${base}v1/visitor/${path}`, { credentials: "omit", referrerPolicy: "strict-origin", ...init });
    if (!response.ok) throw Object.assign(new Error(`OmniOps: the choice was not kept (${response.status}).`), { status: response.status });
    return response.json();
  }

  const post = (path, body) =>
    call(path, {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key, consent: kept.id || null, locale, signal, ...body }),
    });

  /** What the server kept. It alone says what is allowed. */
  function take({ consent, answers }) {
    sure = true;
    for (const [purpose, answer] of Object.entries(answers)) kept.answers[purpose] = answer === "given";
    kept = { answers: kept.answers, ...(kept.said !== undefined && { said: kept.said }), ...(consent && { id: consent }) };
  }

  /** What the page's own consent manager recorded, once for each statement. Nothing is allowed until the server has read it. */
  async function tell(statement) {
    let said = 0;
    for (const sign of statement) said = (Math.imul(said, 31) + sign.codePointAt(0)) | 0;
    if (said === kept.said) return;
    const before = kept;
    kept = { ...kept, answers: {} };
    try {
      take(await post(`choices/${source}`, { statement }));
    } catch (error) {
      console.warn(error);
      if (!error.status) {
        // Tried again with the next page. Until then nothing is allowed, there as well where something was.
        delete kept.said;
        if (before.id) keep();
        return apply();
      }
    }
    kept.said = said;
    keep();
    apply();
  }

  /** What was changed elsewhere, in the preference centre or by its end, counts here as well: a number that is worth
   * nothing goes, and with it what the server's own list names. Only a browser that said yes ever asks. */
  async function sync() {
    if (!kept.id) return;
    const { id, at, answers: before } = kept;
    const query = new URLSearchParams({ key });
    const found = await call(`choices?${query}`, { headers: { Authorization: `Bearer ${id}` } }).catch(() => null);
    if (!found || kept.id !== id) return;
    const news = !sure;
    sure = true;
    const answers = Object.fromEntries(Object.keys(before).map((purpose) => [purpose, found.answers[purpose] === "given"]));
    if (found.consent && JSON.stringify(answers) === JSON.stringify(before)) return void (news && apply());
    kept = { ...kept, answers };
    if (!found.consent) delete kept.id;
    keep(at);
    for (const { name, place } of found.forget) {
      if (place === "cookie") document.cookie = `${name}=; Max-Age=0; Path=/`;
      else (place === "session_storage" ? sessionStorage : localStorage).removeItem(name);
    }
    apply();
  }

  /** A no counts at once, here; a yes counts when the server has kept it. */
  async function choose(given) {
    const yes = Object.values(given).includes(true);
    if (!yes) {
      Object.assign(kept.answers, given);
      keep();
      apply();
    }
    try {
      const { choices } = await words();
      const answers = choices
        .filter(({ purpose }) => purpose in given)
        .map(({ purpose, notice, version }) => ({ purpose, given: given[purpose], notice, version }));
      take(await post("choices", { answers }));
    } catch (error) {
      if (yes) throw error;
      kept.late = true;
    }
    keep();
    if (yes) apply();
  }

  const withdraw = () => choose(Object.fromEntries(purposes.map((purpose) => [purpose, false])));

  function h(name, props, ...children) {
    const node = document.createElement(name);
    for (const [prop, value] of Object.entries(props)) {
      if (typeof value === "function") node.addEventListener(prop, value);
      else if (value !== undefined && value !== false) node.setAttribute(prop, value === true ? "" : value);
    }
    node.append(...children.filter(Boolean));
    return node;
  }

  class View extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      if (theme) this.dataset.theme = theme;
      this.lang = language;
      if (language === "ar") this.dir = "rtl";
      this.card = h("section", { class: "card", "aria-labelledby": "title", hidden: true });
      this.card.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
      this.small = h("div", { class: "pill" });
      this.said = h("p", { class: "said", role: "status" });
      this.shadowRoot.append(this.card, this.small);
      customElements.whenDefined("omniops-chat").then(() => {
        this.setAttribute("beside", "");
        // What is taken back in the chat's words ends here as well: nothing is allowed until the server was asked anew.
        window.omniops?.on?.("consent", ({ given }) => {
          if (!given) sure = !kept.id;
          sync();
        });
        window.omniops?.chosen?.(kept.id);
      });
    }

    /** The way back, on every page: the choices, and in one click the no. */
    async pill() {
      if (source || !this.small || (!asked() && signal === "none")) return;
      const { words: w } = await words();
      const any = purposes.some(allowed);
      const inside = this.small.contains(this.shadowRoot.activeElement);
      this.small.replaceChildren(
        ...[
          link !== "off" && h("button", { type: "button", click: () => this.open(true) }, w.title),
          signal !== "none" && h("span", {}, w.signal),
          any && h("button", { type: "button", click: () => this.answer(Object.fromEntries(purposes.map((p) => [p, false]))) }, w.stop),
        ].filter(Boolean),
      );
      if (inside) this.small.querySelector("button")?.focus();
    }

    async open(byHand) {
      this.w = await words();
      this.byHand = byHand;
      this.said.textContent = "";
      this.draw();
      this.card.hidden = false;
      this.small.hidden = true;
      if (byHand) this.card.querySelector("button").focus();
    }

    close() {
      const inside = this.shadowRoot.activeElement;
      this.card.hidden = true;
      this.small.hidden = false;
      if (inside) this.small.querySelector("button")?.focus();
    }

    draw() {
      const { words: w, choices } = this.w;
      const list = choices.filter(({ purpose }) => purposes.includes(purpose));
      const all = (given) => Object.fromEntries(list.map(({ purpose }) => [purpose, given]));
      const act = (label, given) => h("button", { type: "button", class: "button", click: () => this.answer(all(given)) }, label);
      const focused = this.shadowRoot.activeElement?.id;
      this.card.replaceChildren(
        ...[
          h(
            "div",
            { class: "head" },
            h("h2", { id: "title" }, w.title),
            h("button", { type: "button", class: "close", "aria-label": w.close, click: () => this.close() }, "×"),
          ),
          h("p", { class: "meta" }, w.intro),
          ...list.map((choice) => this.row(choice)),
          list.length > 1 && signal === "none" && h("div", { class: "all" }, act(w.noAll, false), act(w.yesAll, true)),
          this.said,
          h("a", { href: `${base}cookies`, target: "_blank", rel: "noopener noreferrer" }, w.more),
          h("a", { href: `${base}preferences?${new URLSearchParams({ key, lang: language })}#${kept.id || ""}`, target: "_blank", rel: "noopener noreferrer" }, w.every),
        ].filter(Boolean),
      );
      if (focused) this.shadowRoot.getElementById(focused)?.focus();
    }

    row({ purpose, title, note }) {
      const { words: w } = this.w;
      const button = (label, given) => {
        const pressed = String(kept.answers[purpose] === given);
        const props = { type: "button", id: `${purpose}-${given}`, "aria-pressed": pressed };
        return h("button", { ...props, click: () => this.answer({ [purpose]: given }) }, label);
      };
      return h(
        "div",
        { class: "choice", role: "group", "aria-label": title },
        h("div", {}, h("strong", {}, title), h("span", { class: "meta" }, signal === "none" ? note : w.signal)),
        signal === "none" && h("div", { class: "pair" }, button(w.no, false), button(w.yes, true)),
      );
    }

    async answer(given) {
      try {
        await choose(given);
        this.said.textContent = this.w?.words.saved || "";
      } catch (error) {
        console.warn(error);
        this.said.textContent = this.w.words.failed;
        return;
      }
      if (this.card.hidden) return;
      this.draw();
      if (!this.byHand && asked()) this.close();
    }
  }

  google("default", () => false, { wait_for_update: 500 });
  customElements.define(TAG, View);
  const view = document.createElement(TAG);
  window.omniopsConsent = {
    open: () => view.open(true),
    withdraw,
    state,
    on: (tell) => {
      told.add(tell);
      return () => told.delete(tell);
    },
  };
  addEventListener("storage", (event) => {
    if (event.key !== NAME) return;
    kept = read();
    sure = true;
    apply();
  });

  document.addEventListener("visibilitychange", () => document.hidden || sync());

  function begin() {
    // Beside the body: first for the keyboard, and no rule of the page for the body's children meets it.
    document.body.before(view);
    if (kept.id && (kept.late || signal !== "none")) withdraw();
    else sync();
    apply();
    if (source) {
      if (SOURCES.includes(source)) import(`${base}consent/source-${source}-${VERSION}.js`).then((module) => module.default(tell), console.warn);
    } else if (signal === "none" && !asked()) view.open(false).catch(() => {});
  }
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
