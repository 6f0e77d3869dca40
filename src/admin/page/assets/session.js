// @ts-check
// Who is signed in, what they may do, and the words that the server gives every page.

/** @type {Session} */
export const session = JSON.parse(document.body.dataset.session ?? "null");
export const words = session.words;

const tones = new Map(words.classes.map((one) => [one.name, one.tone]));

/** How a class is to be taken: well, for a while, or until somebody acts. @param {string} name */
export const toneOf = (name) => tones.get(name) ?? "warn";

/** What to do about an entry, where there is something to do. @param {Entry} entry */
export const nextStepOf = (entry) =>
  words.not_run[entry.reason ?? ""] && entry.class === "not_run"
    ? words.not_run[entry.reason ?? ""]
    : words.classes.find((one) => one.name === entry.class)?.next_step;

/** Whether the user may do what needs an operator's role in this org. @param {string} org */
export const mayOperate = (org) => session.operates === null || session.operates.includes(org);
