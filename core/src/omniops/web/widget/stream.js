/** A server-sent event stream that fetch reads, because EventSource cannot send a token in a header. */

/** The server gives a sign of life every 15 s. After three of them without one, the line is dead. */
const SILENCE_MS = 45_000;

/** The events of a response: {type, id, data}. Ends when the stream ends, whether or not it was complete. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let watch;
  let rest = "";
  try {
    for (;;) {
      watch = setTimeout(() => reader.cancel().catch(() => {}), SILENCE_MS);
      const { done, value } = await reader.read();
      clearTimeout(watch);
      if (done) return;
      rest += value;
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parsed(block);
        if (event) yield event;
      }
    }
  } finally {
    clearTimeout(watch);
    reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  const event = { type: "message", id: 0 };
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "event") event.type = value;
    else if (field === "id") event.id = Number(value);
    else if (field === "data") data.push(value);
  }
  return data.length ? { ...event, data: JSON.parse(data.join("\n")) } : null;
}
