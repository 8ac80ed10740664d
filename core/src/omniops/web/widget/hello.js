/** The one message of a page's rule, beside the launcher. Fetched when the rule's time has come. */
const CLOSE = "__CLOSE__";
let bubble;

function button(name, act, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = name;
  made.textContent = label;
  made.onclick = act;
  return made;
}

/** Comes once, takes no focus, and not to a visitor who has closed or answered one in this tab. */
export function show(chat, text, language, key) {
  const tab = (act, ...value) => {
    try {
      return sessionStorage[act](`omniops:${key}:greeted`, ...value);
    } catch {
      return null; // A browser without storage asks again on the next page.
    }
  };
  if (bubble || chat.hasAttribute("used") || chat.hidden || tab("getItem")) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("__CSS__");
  chat.shadowRoot.adoptedStyleSheets.push(sheet);
  const gone = () => {
    bubble.remove();
    tab("setItem", "1");
  };
  const said = button("said", () => chat.open(), text);
  const shut = button("shut", () => (gone(), chat.launcher.focus()), "×");
  shut.setAttribute("aria-label", CLOSE[language]);
  bubble = document.createElement("div");
  bubble.className = "hello";
  bubble.setAttribute("role", "status");
  bubble.append(said, shut);
  chat.shadowRoot.prepend(bubble);
  chat.greeted = gone;
}
