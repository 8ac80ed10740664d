/*
 * The one line on a website loads this file. It draws the launcher and nothing else: it stores nothing, reads nothing
 * that is stored, and asks for nothing until the visitor points at the launcher, focuses it or opens it.
 * web/assets.py fills in the name of the panel and the style sheet.
 */
(() => {
  "use strict";
  const PANEL = "__PANEL__";
  const CSS = "__CSS__";
  const TAG = "omniops-chat";
  const WORDS = {
    en: { ask: "Ask us", again: "No connection. Try again" },
    de: { ask: "Fragen Sie uns", again: "Keine Verbindung. Nochmals versuchen" },
  };

  const script = document.currentScript;
  const { key, domain, lang, theme } = script.dataset;
  const base = new URL(".", script.src).href;
  const language = lang || document.documentElement.lang || navigator.language;
  const words = WORDS[language.slice(0, 2).toLowerCase()] || WORDS.en;

  function drawing() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 22 22");
    svg.setAttribute("aria-hidden", "true");
    for (const [part, d] of [["bubble", "M2 3h18v13h-9l-5 4v-4H2z"], ["block", "M12 7h4v6h-4z"]]) {
      const path = document.createElementNS(svg.namespaceURI, "path");
      path.setAttribute("class", part);
      path.setAttribute("d", d);
      svg.append(path);
    }
    return svg;
  }

  class Chat extends HTMLElement {
    #panel;
    #tries = 0;

    connectedCallback() {
      if (this.shadowRoot) return;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      this.label = document.createElement("span");
      this.label.textContent = words.ask;
      this.launcher = document.createElement("button");
      this.launcher.className = "launcher";
      this.launcher.type = "button";
      this.launcher.lang = words === WORDS.en ? "en" : "de";
      this.launcher.setAttribute("aria-haspopup", "dialog");
      this.launcher.append(drawing(), this.label);
      this.launcher.addEventListener("pointerenter", () => this.load().catch(() => {}));
      this.launcher.addEventListener("focus", () => this.load().catch(() => {}));
      this.launcher.addEventListener("click", () => this.open());
      root.append(this.launcher);
    }

    /** The panel, loaded once. A browser may remember a failed import, so each further try has its own address. */
    load() {
      this.#panel ||= import(`${base}widget/${PANEL}${this.#tries ? `?${this.#tries}` : ""}`).then(
        (module) => module.mount(this, { key: key || domain, base, lang }),
        (error) => {
          this.#panel = null;
          this.#tries += 1;
          throw error;
        },
      );
      return this.#panel;
    }

    async open() {
      try {
        const panel = await this.load();
        panel.open();
      } catch {
        this.removeAttribute("used");
        this.label.textContent = words.again;
      }
    }
  }

  if (customElements.get(TAG)) return;
  if (!key && !domain) {
    console.error('OmniOps: the script tag has no data-key="pk_…", so no chat is shown. Copy the tag from the dashboard.');
    return;
  }
  customElements.define(TAG, Chat);
  const chat = document.createElement(TAG);
  if (theme) chat.dataset.theme = theme;
  if (document.body) document.body.append(chat);
  else document.addEventListener("DOMContentLoaded", () => document.body.append(chat));
})();
