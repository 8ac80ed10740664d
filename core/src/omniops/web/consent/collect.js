/** Page views and what happens in the chat, of a visitor who said yes. Loaded only then; silent once the yes is gone. */
const CHAT = "omniops-chat";
const HEARD = { "message:sent": "message_sent", "message:received": "message_received", handover: "handed_off" };
let page;
let send;

export function count(context) {
  if (send) return look();
  send = (kind) => post(context, kind);
  globalThis.navigation?.addEventListener("navigatesuccess", look);
  addEventListener("popstate", look);
  customElements.whenDefined(CHAT).then(() => {
    watch(document.querySelector(CHAT));
    for (const [name, kind] of Object.entries(HEARD)) globalThis.omniops?.on?.(name, () => send(kind));
  });
  look();
}

/** A page that changes without being loaded anew counts as well. */
function look() {
  if (page === location.pathname) return;
  page = location.pathname;
  send("page");
}

function watch(chat) {
  if (!chat) return;
  let open = chat.hasAttribute("open");
  const changed = () => {
    if (chat.hasAttribute("open") === open) return;
    open = !open;
    send(open ? "chat_opened" : "chat_closed");
  };
  new MutationObserver(changed).observe(chat, { attributeFilter: ["open"] });
}

function post({ base, key, token }, kind) {
  const number = token();
  if (!number) return;
  fetch(`${base}v1/visitor/analytics`, {
    method: "POST",
    credentials: "omit",
    referrerPolicy: "strict-origin",
    keepalive: true,
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${number}` },
    body: JSON.stringify({ key, events: [{ kind, page: location.pathname }] }),
  }).catch(() => {});
}
