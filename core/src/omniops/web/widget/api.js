/** What the server said no to, or `status` 0 when it could not be reached. */
export class Problem extends Error {
  constructor(status, { code = "", detail = "", request_id: id = "" } = {}, wait = 0) {
    super(detail || code);
    Object.assign(this, { status, code, detail, id, wait });
  }
}

/** The visitor API. The token goes into a header, never into an address, and no cookie is ever sent. */
export class Api {
  constructor(base, key) {
    this.base = base;
    this.key = key;
    this.token = null;
  }

  /** The response, or a thrown `Problem`. An aborted call throws what fetch throws. */
  async call(method, path, { body, headers, signal } = {}) {
    let response;
    try {
      response = await fetch(`${this.base}v1/visitor/${path}`, {
        method,
        signal,
        credentials: "omit",
        referrerPolicy: "strict-origin",
        headers: {
          ...(body ? { "Content-Type": "application/json" } : {}),
          ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
          ...headers,
        },
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem(0);
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new Problem(response.status, problem, Number(response.headers.get("Retry-After")) || 0);
  }

  async json(method, path, body) {
    const response = await this.call(method, path, { body });
    return response.status === 204 ? null : response.json();
  }
}

/** Where the token is kept: this tab, and only after a yes this browser. A browser may forbid both; the chat then lasts
 * as long as the page. */
export class Store {
  constructor(key) {
    this.name = `omniops:${key}:token`;
    this.unsent = `omniops:${key}:unsent`;
  }

  /** A message that the server does not have yet: text and key. A reload sends it again, under the same key. */
  wait(message) {
    attempt(() => (message ? sessionStorage.setItem(this.unsent, JSON.stringify(message)) : sessionStorage.removeItem(this.unsent)));
  }

  waiting() {
    return attempt(() => JSON.parse(sessionStorage.getItem(this.unsent)));
  }

  read() {
    return attempt(() => sessionStorage.getItem(this.name)) || attempt(() => localStorage.getItem(this.name)) || null;
  }

  keep(token) {
    attempt(() => sessionStorage.setItem(this.name, token));
  }

  remember(token) {
    attempt(() => localStorage.setItem(this.name, token));
  }

  renew(token) {
    this.keep(token);
    if (attempt(() => localStorage.getItem(this.name))) this.remember(token);
  }

  unremember() {
    attempt(() => localStorage.removeItem(this.name));
  }

  forget() {
    attempt(() => sessionStorage.removeItem(this.name));
    this.wait(null);
    this.unremember();
  }
}

function attempt(act) {
  try {
    return act();
  } catch {
    return null;
  }
}

/** A key that makes sending twice harmless. Not `randomUUID`, which pages without TLS do not have. */
export function newKey() {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
  return hex.join("");
}
