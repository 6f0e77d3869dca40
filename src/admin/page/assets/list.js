// A list of any length that keeps only what is looked at in the document.
//
// Rows lie newest first under each other; those beyond the view are two empty spaces. Work per frame
// follows what is in view, not what is loaded: a look from the top begins at the top, heights are
// measured by an observer and kept, and the sum of all is kept up, never added up again.

import { h } from "./dom.js";
import { render, stamp } from "./entry.js";

/** Height of a row that was never in view. */
const GUESS = 300;
const AROUND = 500;

export class List {
  /** @param scroller what scrolls; `actions(entry)` makes a row's buttons; `changed` is called at each look. */
  constructor(scroller, actions, changed) {
    Object.assign(this, { scroller, actions, changed });
    this.rows = []; // oldest first, so that what arrives is appended
    this.ids = new Map();
    this.height = 0;
    this.shown = new Map();
    this.above = h("div", { class: "space" });
    this.below = h("div", { class: "space" });
    this.window = h("div", { class: "window" });
    this.measure = new ResizeObserver((sizes) => this.measured(sizes));
    scroller.append(this.above, this.window, this.below);
    scroller.addEventListener("scroll", () => this.look(), { passive: true });
    new ResizeObserver(() => this.look()).observe(scroller);
  }

  get length() {
    return this.rows.length;
  }
  has(id) {
    return this.ids.has(id);
  }
  entry(id) {
    return this.ids.get(id)?.entry;
  }
  /** All entries, newest first. */
  entries() {
    return this.rows.map((row) => row.entry).reverse();
  }
  place(id) {
    return this.rows.length - this.rows.indexOf(this.ids.get(id));
  }

  clear() {
    this.rows = [];
    this.ids.clear();
    this.height = 0;
    this.shown.forEach(({ node }) => this.measure.unobserve(node));
    this.shown.clear();
    this.window.replaceChildren();
    this.scroller.scrollTop = 0;
    this.look();
  }

  /** Adds entries that are not there yet, wherever their time puts them; returns how many. */
  add(entries, arriving = false) {
    const fresh = [];
    for (const entry of entries) {
      if (this.ids.has(entry.id)) continue;
      const row = { entry, stamp: stamp(entry), height: 0, node: null, arriving };
      this.ids.set(entry.id, row);
      fresh.push(row);
    }
    if (!fresh.length) return 0;
    fresh.sort((a, b) => (a.stamp < b.stamp ? -1 : 1));
    const older = this.rows.length && fresh.at(-1).stamp < this.rows[0].stamp;
    if (older) this.rows = fresh.concat(this.rows);
    else for (const row of fresh) this.insert(row);
    this.height += fresh.length * GUESS;
    this.look();
    return fresh.length;
  }

  /** Almost always at the end: entries come in order but for the few that finish together. */
  insert(row) {
    let at = this.rows.length;
    while (at > 0 && this.rows[at - 1].stamp > row.stamp) at--;
    if (at === this.rows.length) this.rows.push(row);
    else this.rows.splice(at, 0, row);
  }

  /** Forgets the oldest beyond `most`; they can be read again. */
  trim(most) {
    if (this.rows.length <= most) return false;
    for (const row of this.rows.splice(0, this.rows.length - most)) {
      this.ids.delete(row.entry.id);
      this.height -= row.height || GUESS;
    }
    this.look();
    return true;
  }

  look() {
    if (this.looking) return;
    this.looking = requestAnimationFrame(() => {
      this.looking = 0;
      this.draw();
    });
  }

  draw() {
    const { rows, scroller } = this;
    const from = scroller.scrollTop - AROUND,
      to = scroller.scrollTop + scroller.clientHeight + AROUND;
    let top = 0,
      place = 0;
    const row = (index) => rows[rows.length - 1 - index];
    const tall = (of) => of.height || GUESS;
    while (place < rows.length && top + tall(row(place)) < from) top += tall(row(place++));
    const wanted = new Map();
    let bottom = top;
    for (; place < rows.length && bottom < to; place++) {
      wanted.set(row(place).entry.id, place);
      bottom += tall(row(place));
    }
    for (const [id, shown] of this.shown) if (!wanted.has(id)) this.hide(id, shown);
    let next = this.window.firstChild;
    for (const [id, index] of wanted) {
      const shown = this.shown.get(id) ?? this.show(this.ids.get(id));
      if (shown.node === next) next = next.nextSibling;
      else this.window.insertBefore(shown.node, next);
      if (shown.place !== index + 1) {
        shown.place = index + 1;
        shown.number.textContent = `#${index + 1}`;
        shown.node.setAttribute("aria-posinset", index + 1);
      }
    }
    this.above.style.height = `${top}px`;
    this.below.style.height = `${Math.max(0, this.height - bottom)}px`;
    this.atEnd = place >= rows.length;
    this.changed(this);
  }

  show(row) {
    const node = render(row.entry, this.actions(row.entry));
    if (row.arriving) node.classList.add("arriving");
    row.arriving = false;
    node.setAttribute("aria-setsize", "-1");
    const shown = { node, number: node.querySelector(".place"), place: 0 };
    this.shown.set(row.entry.id, shown);
    this.measure.observe(node);
    return shown;
  }

  hide(id, shown) {
    this.measure.unobserve(shown.node);
    shown.node.remove();
    this.shown.delete(id);
  }

  measured(sizes) {
    let changed = false;
    for (const { target } of sizes) {
      const row = this.ids.get(target.dataset.id);
      const height = target.offsetHeight + 8;
      if (!row || !target.isConnected || row.height === height) continue;
      this.height += height - (row.height || GUESS);
      row.height = height;
      changed = true;
    }
    if (changed) this.look();
  }
}
