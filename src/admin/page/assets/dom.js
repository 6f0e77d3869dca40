// Building the page. What others wrote goes in as text; nothing is parsed as markup.

/** Who is signed in and what they may do; none on the sign-in page. */
export const session = document.body.dataset.session ? JSON.parse(document.body.dataset.session) : null;

const SVG = "http://www.w3.org/2000/svg";

/** An element. Functions among the attributes listen, `true` is an empty attribute, null none. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An element of a drawing. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Control characters, marks that turn the writing direction or show nothing, and lone surrogates.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]|[\u{e0000}-\u{e007f}]/gu;

const code = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;

/** Foreign text for a clipboard or an attribute: what would not show stands as `\u{…}`. */
export function plain(text, multiline = false) {
  const shown = String(text).replace(HIDDEN, code);
  return multiline ? shown : shown.replace(/[\n\t]/g, code);
}

/** Foreign text for the page, its direction kept to itself. */
export function foreign(text, multiline = false) {
  const node = document.createElement("bdi");
  const all = String(text);
  const hidden = new RegExp(multiline ? HIDDEN.source : `${HIDDEN.source}|[\\n\\t]`, "gu");
  let from = 0;
  for (const match of all.matchAll(hidden)) {
    node.append(
      all.slice(from, match.index),
      h("span", { class: "ctl", title: "a character that does not show" }, code(match[0])),
    );
    from = match.index + match[0].length;
  }
  node.append(all.slice(from));
  return node;
}

/** Our own words for the page: what stands between backticks is a command. */
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));

/** `2026-11-23 16:30:01.123 UTC` of an instant. */
export const utc = (instant) => {
  const at = new Date(instant);
  return Number.isNaN(at.getTime())
    ? String(instant)
    : at.toISOString().replace("T", " ").replace("Z", " UTC");
};

/** A span of seconds in words: `3 s`, `4 min`, `2 h 5 min`, `3 d`. */
export function span(seconds) {
  const s = Math.max(0, seconds);
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) {
    const minutes = Math.round(s / 60);
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  return `${Math.round(s / 86400)} d`;
}

/** An instant as seen from another: `3 s ago`, `in 4 min`; its text in full is the title. */
export function when(instant, now) {
  if (!instant) return h("span", { class: "muted" }, "never");
  const seconds = (new Date(now) - new Date(instant)) / 1000;
  const text = seconds >= 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
  return h("time", { datetime: instant, title: utc(instant) }, text);
}

export const number = (value) => Number(value).toLocaleString("en-US");
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const MARKS = { ok: "✓", warn: "▲", bad: "✕", off: "◼", live: "●", wait: "◌" };

/** A state in words with a shape of its own; colour only adds to it. */
export function badge(tone, text) {
  return h(
    "span",
    { class: `badge ${tone}` },
    h("span", { "aria-hidden": "true" }, MARKS[tone] ?? "·"),
    " ",
    text,
  );
}

/** Puts text on the clipboard, also where the browser keeps it from plain HTTP. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("The browser does not let the page use the clipboard.");
  }
}

/** Says something to all, screen readers among them, for some seconds. */
export function say(text, tone = "ok") {
  let place = document.getElementById("said");
  if (!place) document.body.append((place = h("div", { id: "said", role: "status", "aria-live": "polite" })));
  const note = h("p", { class: tone }, badge(tone, text));
  place.replaceChildren(note);
  setTimeout(() => note.remove(), 6000);
}

/** Asks before something that cannot be undone. */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      {
        class: "ask",
        "aria-label": question,
        close: () => (dialog.remove(), resolve(dialog.returnValue === "yes")),
      },
      h(
        "form",
        { method: "dialog" },
        h("p", {}, question),
        h(
          "div",
          { class: "actions" },
          h("button", { value: "no" }, "Cancel"),
          h("button", { value: "yes", class: "danger" }, yes),
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Whether the user may do what needs an operator's role in this org. */
export const mayOperate = (org) =>
  session.platform_admin || ["operator", "admin"].includes(session.roles[org]);
