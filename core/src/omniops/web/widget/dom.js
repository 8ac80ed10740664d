/** Elements without markup: names are fixed in the code, and every word becomes a text node. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  x: "M4 4l8 8M12 4l-8 8",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  up: "M8 13V3.5M4 7.25 8 3.25l4 4",
  stop: "M4.5 4.5h7v7h-7z",
  right: "M6 4l4 4-4 4",
  person: "M8 2.25a2.75 2.75 0 1 0 0 5.5 2.75 2.75 0 0 0 0-5.5zM2.75 13.75c.4-2.6 2.5-4 5.25-4s4.85 1.4 5.25 4",
  clip: "M12.5 7.5 7.75 12.2a3 3 0 0 1-4.25-4.2l5-5a2 2 0 0 1 2.9 2.8l-4.8 4.8a1 1 0 0 1-1.4-1.4L9.5 5",
  warn: "M8 2.5 14 13.25H2zM8 6.5v3M8 11.4v.1",
};
const MARKS = {
  proved: "M0 0h8v12H0z",
  unproven: "M0 0h8v12H0zM1.3 1.3v9.4h5.4V1.3z",
  not: "M0 10.2h8V12H0z",
};

function drawn(box, d, name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", box);
  svg.setAttribute("class", name);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

export const icon = (name) => drawn("0 0 16 16", ICONS[name], `icon ${name}`);

/** The proof mark: its shape carries the state. A word always stands beside it, so it is hidden from readers. */
export const mark = (state) => drawn("0 0 8 12", MARKS[state], `mark ${state}`);

/** An address that may be opened, or null: nothing but http and https ever becomes a link. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

export const outside = (href) => ({ href, target: "_blank", rel: "noopener noreferrer" });
