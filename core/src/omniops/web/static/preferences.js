/**
 * The preference centre: shows what stands and changes it. Who asks is known by the token behind the `#` of the address,
 * which no server sees there; it is taken out of sight at once and lasts as long as this tab's history. Nothing is stored.
 */
const root = document.getElementById("centre");
const { key, words: said } = root.dataset;
const words = JSON.parse(said);
const language = document.documentElement.lang;
const token = location.hash.slice(1) || history.state?.token || "";
history.replaceState({ token }, "", location.pathname + location.search);

const status = root.querySelector(".said");
const rows = [...root.querySelectorAll(".choice")];
const all = root.querySelector(".all");
const day = (at) => new Date(at).toLocaleDateString(language, { dateStyle: "long" });

async function call(path, body) {
  const response = await fetch(`/v1/visitor/${path}`, {
    method: body ? "POST" : "GET",
    credentials: "omit",
    headers: {
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify({ key, locale: language, ...body }),
  });
  if (!response.ok) throw Object.assign(new Error(`${response.status}`), { status: response.status });
  return response;
}

async function read() {
  const response = await call(`preferences?${new URLSearchParams({ key, language })}`);
  draw(await response.json());
}

function draw({ known, purposes, history: answered, forget }) {
  remove(forget);
  for (const row of rows) {
    const one = purposes.find(({ purpose }) => purpose === row.dataset.purpose);
    const given = one.state === "given";
    const mayYes = known && !one.forbidden && !one.confirmed && !one.opted_out;
    const state = one.forbidden ? words.signal : one.opted_out ? words.opted_out : known || one.confirmed ? words[one.state || "none"] : "";
    row.querySelector(".state").textContent = [state, given && one.until && words.until.replace("{date}", day(one.until))]
      .filter(Boolean)
      .join(" ");
    const pair = row.querySelector(".pair");
    pair.hidden = !(mayYes || given);
    for (const button of pair.children) {
      const yes = button.dataset.given === "true";
      button.hidden = yes && !mayYes && !given;
      button.setAttribute("aria-pressed", String(one.state ? yes === given : false));
    }
    const mail = row.querySelector(".by-mail");
    if (mail) mail.hidden = given;
  }
  all.hidden = !purposes.some(({ state }) => state === "given");
  const list = root.querySelector(".history ul");
  root.querySelector(".history").hidden = !answered.length;
  list.replaceChildren(...answered.reverse().map((entry) => line(entry, purposes)));
  if (!known) status.textContent = words.unknown;
  else if (status.textContent === words.loading) status.textContent = "";
}

function line({ id, purpose, event, at }, purposes) {
  const title = purposes.find((one) => one.purpose === purpose)?.title || purpose;
  const item = document.createElement("li");
  const when = document.createElement("p");
  when.className = "meta";
  when.textContent = `${day(at)} · `;
  const receipt = document.createElement("button");
  receipt.type = "button";
  receipt.className = "link";
  receipt.textContent = words.receipt;
  receipt.addEventListener("click", () => attempt(() => save(id)));
  when.append(receipt);
  item.append(`${words[`e_${event}`]}: ${title}`, when);
  return item;
}

async function save(id) {
  const response = await call(`consent-receipts/${id}?${new URLSearchParams({ key })}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `consent-${id}.jws`;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Keys that rest on a yes which does not stand: by the server's list, and nothing else. */
function remove(forget) {
  for (const { name, place } of forget) {
    try {
      if (place === "cookie") document.cookie = `${name}=; Max-Age=0; Path=/`;
      else (place === "session_storage" ? sessionStorage : localStorage).removeItem(name);
    } catch {
      // The browser forbids storage: then nothing is there.
    }
  }
}

async function choose(list, given) {
  const answers = list.map(({ dataset: { purpose, notice, version } }) => ({ purpose, given, notice, version }));
  await call("preferences", { answers });
  status.textContent = words.saved;
  await read();
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    console.warn(error);
    status.textContent = error.status === 403 || error.status === 422 ? words.forbidden : words.failed;
  }
}

for (const row of rows) {
  for (const button of row.querySelectorAll(".pair button"))
    button.addEventListener("click", () => attempt(() => choose([row], button.dataset.given === "true")));
  row.querySelector(".by-mail")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { purpose, version } = row.dataset;
    attempt(async () => {
      await call("consent-requests", { purpose, version, email: form.elements.email.value });
      form.reset();
      status.textContent = words.sent;
    });
  });
}
all.addEventListener("click", () =>
  attempt(() => choose(rows.filter((row) => row.querySelector('[data-given="true"]').getAttribute("aria-pressed") === "true"), false)),
);
attempt(read);
