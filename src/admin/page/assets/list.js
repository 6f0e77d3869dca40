// @ts-check
// A list of any length that keeps only what is looked at in the document.
//
// Rows lie newest first under each other; those beyond the view are two empty spaces. Work per frame
// follows what is in view, not what is loaded.

import { h } from "./dom.js";
import { render } from "./entry.js";
import { Rows, corrects } from "./rows.js";

/** How far beyond the view rows are drawn, in pixels. */
const AROUND = 500;
/** What lies between two rows, in pixels. */
const BETWEEN = 8;

/** @typedef {{node: HTMLElement, number: Element | null, place: number}} Shown */

export class List {
  /**
   * @param {HTMLElement} scroller what scrolls
   * @param {(entry: Entry) => Child[]} actions makes a row's buttons
   * @param {() => void} changed is called at each look
   */
  constructor(scroller, actions, changed) {
    this.scroller = scroller;
    this.actions = actions;
    this.changed = changed;
    this.rows = new Rows();
    /** @type {Map<string, Shown>} */
    this.shown = new Map();
    this.looking = 0;
    this.atEnd = false;
    this.above = h("div", { class: "space" });
    this.below = h("div", { class: "space" });
    this.window = h("div", { class: "window" });
    this.sizes = new ResizeObserver((sizes) => this.measured(sizes));
    scroller.append(this.above, this.window, this.below);
    scroller.addEventListener("scroll", () => this.look(), { passive: true });
    new ResizeObserver(() => this.look()).observe(scroller);
  }

  get length() {
    return this.rows.all.length;
  }

  /** Whether this entry would change what is listed under its id. @param {Entry} entry */
  corrects(entry) {
    const known = this.rows.byId.get(entry.id);
    return known !== undefined && corrects(entry, known.entry);
  }

  /** @param {string} id */
  has(id) {
    return this.rows.byId.has(id);
  }

  /** All entries, newest first. */
  entries() {
    return this.rows.all.map((row) => row.entry).reverse();
  }

  /** The oldest entry that is loaded. */
  oldest() {
    return this.rows.all[0]?.entry;
  }

  /** @param {string} id */
  place(id) {
    return this.rows.place(id);
  }

  clear() {
    this.rows = new Rows();
    this.shown.forEach(({ node }) => this.sizes.unobserve(node));
    this.shown.clear();
    this.window.replaceChildren();
    this.scroller.scrollTop = 0;
    this.look();
  }

  /** Adds entries; returns how many stand in the place of others that were not true. @param {Entry[]} entries */
  add(entries, arriving = false) {
    const corrected = this.rows.add(entries, arriving);
    for (const id of corrected) {
      const shown = this.shown.get(id);
      if (shown) this.hide(id, shown);
    }
    this.look();
    return corrected.length;
  }

  /** @param {number} most */
  trim(most) {
    const trimmed = this.rows.trim(most);
    if (trimmed) this.look();
    return trimmed;
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
    const from = scroller.scrollTop - AROUND;
    const to = scroller.scrollTop + scroller.clientHeight + AROUND;
    const { first, end, top, bottom } = rows.between(from, to);
    const wanted = new Map();
    for (let place = first; place < end; place++) wanted.set(rows.at(place).entry.id, place);
    for (const [id, shown] of this.shown) if (!wanted.has(id)) this.hide(id, shown);
    let next = this.window.firstChild;
    for (const [id, place] of wanted) {
      const shown = this.shown.get(id) ?? this.show(place);
      if (shown.node === next) next = next.nextSibling;
      else this.window.insertBefore(shown.node, next);
      this.count(shown, place + 1);
    }
    this.above.style.height = `${top}px`;
    this.below.style.height = `${Math.max(0, rows.height - bottom)}px`;
    this.atEnd = end >= rows.all.length;
    this.changed();
  }

  /** @param {Shown} shown @param {number} place */
  count(shown, place) {
    if (shown.place === place) return;
    shown.place = place;
    if (shown.number) shown.number.textContent = `#${place}`;
    shown.node.setAttribute("aria-posinset", String(place));
  }

  /** @param {number} place @returns {Shown} */
  show(place) {
    const row = this.rows.at(place);
    const node = render(row.entry, this.actions(row.entry));
    if (row.arriving) node.classList.add("arriving");
    row.arriving = false;
    node.setAttribute("aria-setsize", "-1");
    const shown = { node, number: node.querySelector(".place"), place: 0 };
    this.shown.set(row.entry.id, shown);
    this.sizes.observe(node);
    return shown;
  }

  /** @param {string} id @param {Shown} shown */
  hide(id, shown) {
    this.sizes.unobserve(shown.node);
    shown.node.remove();
    this.shown.delete(id);
  }

  /** @param {ResizeObserverEntry[]} sizes */
  measured(sizes) {
    let news = false;
    for (const { target } of sizes)
      if (target instanceof HTMLElement && target.isConnected)
        news = this.rows.measure(target.dataset.id ?? "", target.offsetHeight + BETWEEN) || news;
    if (news) this.look();
  }
}
