// @ts-check
// The first of two entries, held until the second is chosen.

import { getAdminTokenTerminalLogs } from "./api.js";
import { compare } from "./compare.js";
import { say, trying } from "./dialog.js";
import { find, foreign, h, put } from "./dom.js";
import { words } from "./session.js";

export class Picked {
  /**
   * @param {(id: string) => number} place an entry's number in the list
   * @param {() => void} left is called when the choice is given up
   */
  constructor(place, left) {
    this.place = place;
    this.left = left;
    /** @type {Entry | null} */
    this.entry = null;
    this.node = h("div", { class: "picked", hidden: true });
  }

  /** @param {Entry} entry */
  choose(entry) {
    const first = this.entry;
    if (first && first.id !== entry.id) {
      this.drop();
      return first.cursor < entry.cursor ? compare(first, entry) : compare(entry, first);
    }
    this.entry = entry;
    const counterpart = words.sources.find((source) => source.name === entry.source)?.counterpart;
    this.node.hidden = false;
    put(
      this.node,
      h(
        "span",
        {},
        "Comparing ",
        h("strong", {}, `#${this.place(entry.id)} ${entry.source} `),
        foreign(entry.account),
        ": choose “Compare” at another entry, or",
      ),
      " ",
      counterpart &&
        h(
          "button",
          { click: () => trying(() => this.chooseNewest(entry, counterpart)) },
          `the account’s newest ${counterpart.name} run`,
        ),
      " ",
      h("button", { class: "quiet", click: () => this.drop() }, "Cancel"),
    );
    find("button", this.node).focus();
  }

  /**
   * Chooses the same account's newest run of the other kind.
   * @param {Entry} entry
   * @param {{name: string, sources: string[]}} counterpart
   */
  async chooseNewest(entry, { name, sources }) {
    for (const source of sources) {
      const filters = { account: entry.account_id, source };
      const { entries } = await getAdminTokenTerminalLogs(entry.environment, 1, filters);
      if (entries.length) return this.choose(entries[0]);
    }
    say(`This account has no ${name} run yet.`, "warn");
  }

  drop() {
    this.entry = null;
    if (this.node.contains(document.activeElement)) this.left();
    this.node.hidden = true;
    this.node.replaceChildren();
  }
}
