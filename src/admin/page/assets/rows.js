// @ts-check
// The rows of a list of entries: which there are, in which order, and how high they lie.

/** Height of a row that was never in view. */
export const GUESS = 300;

/**
 * @typedef {object} Row
 * @property {Entry} entry
 * @property {number} height 0 where it was never measured
 * @property {boolean} arriving
 */

/**
 * The index of the first row to draw, of the first one not to, and what lies above and down to there.
 * @typedef {{first: number, end: number, top: number, bottom: number}} Span
 */

/**
 * Whether `entry` shows that `known` is not what is stored. Only a stored entry has a position; what
 * comes live may be anything that somebody has sent.
 * @param {Entry} entry @param {Entry} known
 */
export function corrects(entry, known) {
  const text = (/** @type {Entry} */ one) => JSON.stringify({ ...one, position: undefined });
  return entry.position !== undefined && text(entry) !== text(known);
}

/** Entries by age, each once. Heights are kept, and their sum is kept up, never added up again. */
export class Rows {
  constructor() {
    /** Oldest first, so that what arrives is appended. @type {Row[]} */
    this.all = [];
    /** @type {Map<string, Row>} */
    this.byId = new Map();
    this.height = 0;
  }

  /** The row at a place, 0 being the newest. @param {number} place */
  at(place) {
    return this.all[this.all.length - 1 - place];
  }

  /** An entry's number, 1 being the newest. @param {string} id */
  place(id) {
    return this.all.length - this.all.findIndex((row) => row.entry.id === id);
  }

  /**
   * Adds entries that are not there yet, wherever their time puts them, and puts stored ones in the
   * place of those that they correct; returns the ids of these.
   * @param {Entry[]} entries
   */
  add(entries, arriving = false) {
    /** @type {Map<string, Row>} */
    const added = new Map();
    const corrected = [];
    for (const entry of entries) {
      const known = this.byId.get(entry.id);
      if (known && !corrects(entry, known.entry)) continue;
      if (known) {
        if (!added.delete(entry.id)) this.remove(known);
        corrected.push(entry.id);
      }
      const row = { entry, height: 0, arriving };
      this.byId.set(entry.id, row);
      added.set(entry.id, row);
    }
    const fresh = [...added.values()];
    fresh.sort((a, b) => (a.entry.cursor < b.entry.cursor ? -1 : 1));
    const [oldest, newest] = [this.all[0], fresh.at(-1)];
    if (oldest && newest && newest.entry.cursor < oldest.entry.cursor) this.all = fresh.concat(this.all);
    else for (const row of fresh) this.insert(row);
    this.height += fresh.length * GUESS;
    return corrected;
  }

  /** @param {Row} row */
  remove(row) {
    this.all.splice(this.all.indexOf(row), 1);
    this.byId.delete(row.entry.id);
    this.height -= row.height || GUESS;
  }

  /** Almost always at the end: entries come in order but for the few that finish together. @param {Row} row */
  insert(row) {
    let at = this.all.length;
    while (at > 0 && this.all[at - 1].entry.cursor > row.entry.cursor) at--;
    this.all.splice(at, 0, row);
  }

  /** Forgets the oldest beyond `most`; they can be read again. @param {number} most */
  trim(most) {
    if (this.all.length <= most) return false;
    for (const row of this.all.splice(0, this.all.length - most)) {
      this.byId.delete(row.entry.id);
      this.height -= row.height || GUESS;
    }
    return true;
  }

  /** Keeps a row's measured height; returns whether that is news. @param {string} id @param {number} height */
  measure(id, height) {
    const row = this.byId.get(id);
    if (!row || row.height === height) return false;
    this.height += height - (row.height || GUESS);
    row.height = height;
    return true;
  }

  /** What lies between two heights, from the top. @param {number} from @param {number} to @returns {Span} */
  between(from, to) {
    let [first, top] = [0, 0];
    const tall = (/** @type {number} */ place) => this.at(place).height || GUESS;
    while (first < this.all.length && top + tall(first) < from) top += tall(first++);
    let [end, bottom] = [first, top];
    while (end < this.all.length && bottom < to) bottom += tall(end++);
    return { first, end, top, bottom };
  }
}
