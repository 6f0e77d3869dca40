// @ts-check
// Entries that arrived while nobody may be disturbed: they wait until they are taken.

import { corrects } from "./rows.js";

export class Arrivals {
  /** @param {number} most beyond so many nothing is kept but that there were more */
  constructor(most) {
    this.most = most;
    /** @type {Map<string, Entry>} */
    this.waiting = new Map();
    this.overflowed = false;
  }

  /** Whether there are any. */
  get any() {
    return this.waiting.size > 0 || this.overflowed;
  }

  /** @param {Entry[]} entries */
  keep(entries) {
    for (const entry of entries) {
      const known = this.waiting.get(entry.id);
      if (!known || corrects(entry, known)) this.waiting.set(entry.id, entry);
    }
    if (this.waiting.size <= this.most) return;
    this.waiting.clear();
    this.overflowed = true;
  }

  /** Those that wait, and none any more; `null` where there were too many to keep. */
  take() {
    const all = this.overflowed ? null : [...this.waiting.values()];
    this.clear();
    return all;
  }

  clear() {
    this.waiting.clear();
    this.overflowed = false;
  }
}
