/** A file on its way to the business, and the files of a conversation. A part of the chat, fetched with the first file. */
const WORDS = "__WORDS__";
export const CSS = "__CSS__";
const HEAD = 4096; // bytes that are looked at, here and by the server
const KINDS = [[0, "\x89PNG\r\n\x1a\n"], [0, "\xff\xd8\xff"], [0, "GIF87a"], [0, "GIF89a"], [8, "WEBP"], [4, "ftypheic"], [0, "%PDF-"]];

/** "5 MB", as people count: in powers of 1,024. */
function sized(bytes, language) {
  const power = Math.min(Math.floor(Math.log2(bytes || 1) / 10), 2);
  const unit = ["byte", "kilobyte", "megabyte"][power];
  const value = bytes / 1024 ** power;
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

/** Whether a file's first bytes are of a kind that the server takes; its name counts for nothing. */
async function known(file) {
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (KINDS.some(([at, magic]) => text.startsWith(magic, at))) return true;
  if (/[\x00-\x08\x0b\x0e-\x1f]/.test(text)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: file.size > HEAD });
    return true;
  } catch {
    return false;
  }
}

/** Why a file is not sent, or nothing. */
async function refusal(file, { config, language }, fill) {
  if (!file.size) return WORDS.empty;
  if (file.size > config.attachment_bytes) return fill(WORDS.large, sized(config.attachment_bytes, language), language);
  return (await known(file)) ? "" : WORDS.kind;
}

/** Looks at a file, sends it and shows how far it is. `key` makes a second try harmless. */
export async function send(panel, lent, file, key = String(crypto.getRandomValues(new Uint32Array(4)))) {
  const { h, icon, fill } = lent;
  const { words, api, clip } = panel;
  const why = await refusal(file, panel, fill);
  if (why) return panel.note(`${file.name}: ${why}`, "warn");
  const call = new XMLHttpRequest();
  let stopped = false;
  const bar = h("progress", { max: 1, value: 0, "aria-label": file.name });
  const cancel = h("button", { type: "button", class: "link", click: () => { stopped = true; call.abort(); } }, WORDS.cancel);
  const place = h("div", { class: "sending meta" }, h("span", null, icon("clip"), fill(WORDS.sending, file.name)), cancel, bar);
  panel.notices.after(place);
  clip.disabled = true;
  cancel.focus();
  try {
    if (!api.token) await panel.begin();
    if (!stopped && (await put(call, api, file, key, bar))) await told(panel, fill(WORDS.sent, file.name));
  } catch (error) {
    if (error.status === 401) panel.ended();
    panel.note(saying(error, panel), "fail", [words.again, () => panel.attempt(() => send(panel, lent, file, key))]);
  } finally {
    const held = panel.host.shadowRoot.activeElement === cancel;
    place.remove();
    clip.disabled = false;
    if (held) panel.box.focus();
  }
}

function saying({ status, code, detail }, { words, language }) {
  const known = { 0: WORDS.failed, 401: words.over, 429: words.tooMany }[status];
  return known || (code === "too_many_files" ? WORDS.many : (language === "en" && detail) || WORDS.failed);
}

/** Resolves to whether it is there, which it is not when the visitor stopped it. fetch tells no progress of what it sends. */
function put(call, { base, token }, file, key, bar) {
  return new Promise((done, fail) => {
    call.open("POST", `${base}v1/visitor/attachments?${new URLSearchParams({ name: file.name.slice(-255) })}`);
    for (const [name, value] of [["Authorization", `Bearer ${token}`], ["Content-Type", "application/octet-stream"], ["Idempotency-Key", key]]) call.setRequestHeader(name, value);
    call.upload.onprogress = ({ loaded, total }) => (bar.value = loaded / total);
    call.onload = () => (call.status < 300 ? done(true) : fail({ ...problem(call.responseText), status: call.status }));
    call.onerror = () => fail({ status: 0 });
    call.onabort = () => done(false);
    call.send(file);
  });
}

function problem(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** The file stands in the conversation as a message; here it is fetched. */
async function told(panel, words) {
  const { messages } = await panel.api.json("GET", "conversation");
  panel.leaveGreeting(panel.config.disclosure);
  for (const message of messages) {
    if (message.event === "attachment" && !panel.has(message)) panel.host.emit("message:sent", { id: message.id });
    panel.add(message);
  }
  panel.spoken.textContent = words;
  panel.scroll(true);
}

/** A file's message: name and size, and a click that saves it. */
export function draw(panel, lent, bubble, { id, name, size }) {
  const { h, icon, fill } = lent;
  const save = () => panel.attempt(async () => {
    const href = URL.createObjectURL(await (await panel.api.call("GET", `attachments/${id}`)).blob());
    h("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  });
  bubble.replaceChildren(
    h("button", { type: "button", class: "link file", "aria-label": fill(WORDS.save, name), click: save }, icon("clip"), h("span", null, name)),
    h("span", { class: "meta" }, sized(size, panel.language)),
  );
}
