/** The page inside the frame: holds the panel and passes words between it and the website that framed it. */
import { mount } from "./panel.js";

const { key, language, theme, origin } = document.documentElement.dataset;

class Framed extends HTMLElement {
  connectedCallback() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("__CSS__");
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    this.setAttribute("frame", "");
    if (theme) this.dataset.theme = theme;
  }

  paint(brand) {
    if (brand) this.shadowRoot.adoptedStyleSheets[0].insertRule(`:host{--brand:${brand[0]};--on-brand:${brand[1]}}`);
  }

  /** To the one website that the server let frame this page, and to nobody else. */
  emit(name, detail) {
    parent.postMessage({ omniops: name, detail }, origin);
  }
}

customElements.define("omniops-frame", Framed);
const host = document.createElement("omniops-frame");
document.body.append(host);
mount(host, { key, language, base: new URL(".", location.href).href }).then((panel) => {
  addEventListener("message", ({ source, origin: from, data }) => {
    if (source !== parent || from !== origin || !["open", "close", "identify", "consent", "chosen", "reset"].includes(data.omniops)) return;
    panel[data.omniops](...data.args);
  });
  host.emit("ready");
});
