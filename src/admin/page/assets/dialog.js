// @ts-check
// What interrupts: questions, what is shown in front of the page, and short notes; and the clipboard.

import { badge, h } from "./dom.js";
import { messageOf } from "./api.js";

/** Whether a dialog is open: what is behind it then stays as it is. */
export const dialogOpen = () => document.querySelector("dialog[open]") !== null;

/**
 * Opens a dialog that is closed by its button or by Escape.
 * @param {string} kind
 * @param {Child} title
 * @param {Child[]} inside
 */
export function show(kind, title, ...inside) {
  /** @type {HTMLDialogElement} */ const dialog = h(
    "dialog",
    { class: kind, "aria-labelledby": `${kind}-title`, close: () => dialog.remove() },
    h(
      "header",
      {},
      h("h2", { id: `${kind}-title` }, title),
      h("form", { method: "dialog" }, h("button", {}, "Close")),
    ),
    inside,
  );
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * Asks before something that cannot be undone.
 * @param {string} question
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const close = () => (dialog.remove(), resolve(dialog.returnValue === "yes"));
    /** @type {HTMLDialogElement} */ const dialog = h(
      "dialog",
      { class: "ask", "aria-label": question, close },
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

/** Says something to all, screen readers among them, for some seconds. @param {string} text @param {Tone} tone */
export function say(text, tone = "ok") {
  let place = document.getElementById("said");
  if (!place) {
    place = h("div", { id: "said", role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  const note = h("p", { class: tone }, badge(tone, text));
  place.replaceChildren(note);
  setTimeout(() => note.remove(), 6000);
}

/** Does something, and says so where it fails. @param {() => Promise<unknown>} work */
export async function trying(work) {
  try {
    await work();
  } catch (error) {
    say(messageOf(error), "bad");
  }
}

/** Puts text on the clipboard, also where the browser keeps it from plain HTTP. @param {string} text */
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
