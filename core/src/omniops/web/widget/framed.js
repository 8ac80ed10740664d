/** The panel in a frame of our own origin, for websites that want a wall between. Both sides name the other exactly. */
const WAIT_MS = 15_000;

export function mount(chat, { key, base, language }) {
  const { origin } = new URL(base);
  const frame = document.createElement("iframe");
  frame.className = "frame";
  frame.title = chat.label.textContent;
  frame.src = `${base}frame?${new URLSearchParams({ key, language, theme: chat.dataset.theme || "", origin: location.origin })}`;
  const call = (name) => (...args) => frame.contentWindow.postMessage({ omniops: name, args }, origin);
  const panel = Object.fromEntries(["close", "identify", "consent", "chosen", "reset"].map((name) => [name, call(name)]));
  panel.open = () => {
    frame.focus();
    call("open")(matchMedia("(max-width: 479px)").matches);
  };
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      frame.remove();
      reject(new Error("The chat's frame did not answer."));
    }, WAIT_MS);
    addEventListener("message", ({ source, origin: from, data }) => {
      if (source !== frame.contentWindow || from !== origin) return;
      clearTimeout(late);
      if (data.omniops === "ready") resolve(panel);
      else chat.emit(data.omniops, data.detail);
    });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("__CSS__");
    chat.shadowRoot.adoptedStyleSheets.push(sheet);
    chat.shadowRoot.append(frame);
  });
}
