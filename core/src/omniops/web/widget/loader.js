/*
 * The one line on a website loads this file. It draws the launcher and nothing else: it stores nothing, and asks for
 * nothing until the visitor points at the launcher, focuses it or opens it, or the website calls `omniops.open()`.
 * web/assets.py fills in names, style sheet and words, and the look of the website whose key the address has.
 */
const BUILD = "__BUILD__";
const CSS = "__CSS__";
const WORDS = "__WORDS__";
const LOOK = "__LOOK__";
const TAG = "omniops-chat";

const script = document.currentScript;
const { dataset } = script;
const key = dataset.key || dataset.domain || LOOK.key;
const base = new URL(".", script.src).href;
const known = (tag = "") => {
  const short = tag.slice(0, 2).toLowerCase();
  return WORDS[short] && short;
};
const language = known(dataset.lang) || known(document.documentElement.lang) || known(LOOK.language) || known(navigator.language) || "en";
const [ask, again] = WORDS[language].split("|");
const listeners = {};

/** A square bubble that holds the block. */
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

const file = (name, tries = "") => import(`${base}widget/${name}-${BUILD}.js${tries}`);

/** Each listener runs by itself: what one throws is the website's own error and stops nothing. */
function emit(name, detail) {
  for (const act of listeners[name] || []) queueMicrotask(() => act(detail));
}

class Chat extends HTMLElement {
  #panel;
  #tries = "";
  #later = [];
  #timer;

  connectedCallback() {
    if (this.shadowRoot) return;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    this.paint(LOOK.brand);
    this.lang = language;
    this.dir = language === "ar" ? "rtl" : "ltr";
    this.label = document.createElement("span");
    this.label.textContent = ask;
    this.launcher = document.createElement("button");
    this.launcher.type = "button";
    this.launcher.className = "launcher";
    this.launcher.setAttribute("aria-haspopup", "dialog");
    this.launcher.append(drawing(), this.label);
    this.launcher.onclick = () => this.open();
    this.launcher.onpointerenter = this.launcher.onfocus = () => this.load().catch(() => {});
    this.shadowRoot.append(this.launcher);
    this.arrived(location.pathname);
    emit("ready");
    if ("open" in dataset) this.open();
  }

  /** The website's colour, which the server has checked; `!important`, or a page's own rules would win. */
  paint(brand) {
    if (brand) this.shadowRoot.adoptedStyleSheets[0].insertRule(`:host{--brand:${brand[0]}!important;--on-brand:${brand[1]}!important}`);
  }

  /** The panel, loaded once. A browser may remember a failed import, so each further try has its own address. */
  load() {
    this.#panel ||= file(dataset.mode === "frame" ? "framed" : "panel", this.#tries)
      .then((module) => module.mount(this, { key, base, language }))
      .then((panel) => {
        for (const [name, ...args] of this.#later.splice(0)) panel[name](...args);
        return panel;
      })
      .catch((error) => {
        this.#panel = null;
        this.#tries += "?";
        throw error;
      });
    return this.#panel;
  }

  /** Looks for the page's rule, and waits for as long as it says. */
  arrived(path) {
    clearTimeout(this.#timer);
    const rule = LOOK.hellos?.find((one) => RegExp(one.on).test(path));
    if (rule) this.#timer = setTimeout(async () => (await file("hello")).show(this, rule.text, language, key), rule.after * 1000);
  }

  /** What the panel tells: first the launcher, then the website. */
  emit(name, detail) {
    if (name === "open" || name === "close") this.toggleAttribute("open", name === "open");
    if (name === "open") this.setAttribute("used", "");
    if (name === "close") this.launcher.focus();
    emit(name, detail);
  }

  open() {
    clearTimeout(this.#timer);
    this.greeted?.();
    return this.tell("open");
  }

  close() {
    if (this.hasAttribute("open")) this.tell("close");
  }

  /** For what can wait until there is a panel, so that nothing is fetched before the visitor shows interest. */
  later(...call) {
    if (this.hasAttribute("used")) this.tell(...call);
    else this.#later.push(call);
  }

  async tell(name, ...args) {
    let panel;
    try {
      panel = await this.load();
    } catch {
      this.removeAttribute("used");
      this.label.textContent = again;
      return emit("error", { status: 0, code: "not_loaded" });
    }
    return panel[name](...args);
  }
}

const chat = customElements.get(TAG) ? null : key && (customElements.define(TAG, Chat), document.createElement(TAG));
const early = window.omniops;
const api = {
  push: (...calls) => calls.forEach(([name, ...args]) => api[name](...args)),
  on(name, act) {
    (listeners[name] ||= new Set()).add(act);
    if (name === "ready" && chat.launcher) queueMicrotask(act);
    return () => listeners[name].delete(act);
  },
  toggle: () => chat[chat.hasAttribute("open") ? "close" : "open"](),
  open: () => chat.open(),
  close: () => chat.close(),
  show: () => void (chat.hidden = false),
  hide() {
    chat.close();
    chat.hidden = true;
  },
  /** What a page knows better than its script tag: where the visitor is now, and whether it is dark. */
  setContext({ path, theme }) {
    if (theme) chat.dataset.theme = theme;
    if (path) chat.arrived(path);
  },
  identify: (who) => chat.later("identify", who),
  consent: (purpose, given) => chat.later("consent", purpose, given),
  /** What a banner of ours on the same page tells. */
  chosen: (number) => chat.later("chosen", number),
  reset: () => chat.tell("reset"),
};

function start() {
  document.body.append(chat);
  if (Array.isArray(early)) api.push(...early);
}

if (chat) {
  if (dataset.theme) chat.dataset.theme = dataset.theme;
  window.omniops = api;
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
} else if (!key) {
  console.error("OmniOps: the script tag lacks its data-domain.");
}
