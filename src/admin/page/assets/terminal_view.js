// @ts-check
// A terminal: attempts of worker and debug, newest first, live.

import { downloadAddress, getAdminTokenTerminalLogs } from "./api.js";
import { Arrivals } from "./arrivals.js";
import { copy, say, trying } from "./dialog.js";
import { foreign, h, mark, put } from "./dom.js";
import { whyEmpty, wordsOf } from "./empty.js";
import { toText } from "./entry_text.js";
import { toAddress } from "./filter_address.js";
import { FilterForm } from "./filters.js";
import { List } from "./list.js";
import { Link } from "./live.js";
import { Past } from "./past.js";
import { Picked } from "./picked.js";
import { session } from "./session.js";
import { TerminalHead } from "./terminal_head.js";
import { listenToKeys } from "./terminal_keys.js";
import { corrections } from "./terminal_words.js";
import { plural } from "./text.js";

const PAGE = 100;
/** Entries kept loaded; what is older is read again when somebody scrolls there. */
const LOADED_MAX = 20_000;
/** Entries that wait for a paused view; beyond, the view reads them again when it goes on. */
const WAITING_MAX = 10_000;
/** How far somebody has scrolled who reads, in pixels. */
const READS_FROM = 8;
/** When the past is read although the live connection does not stand, so that the reason shows. */
const LIVE_WITHIN_MS = 1500;

export class Terminal {
  /**
   * Puts a terminal into `place`. With an account it shows that account's entries for good; without,
   * the address decides and a form changes it.
   * @param {HTMLElement} place
   * @param {{account?: string, level?: "h1" | "h2"}} options
   */
  constructor(place, { account, level = "h1" } = {}) {
    this.account = account;
    /** @type {Filters} */
    this.filters = {};
    this.paused = false;
    this.arrivals = new Arrivals(WAITING_MAX);
    /** What came since the last frame. @type {Entry[]} */
    this.arrived = [];
    /** Entries that were shown and were not what is stored. */
    this.corrected = 0;
    this.frame = 0;
    /** @type {Health | null} */
    this.health = null;
    this.state = { name: "connecting", why: "", since: Date.now() };
    this.scroller = h("div", { class: "log", tabindex: "0", "aria-label": "Entries, newest first" });
    this.empty = h("div", { class: "empty" });
    this.form = account ? null : new FilterForm((filters) => this.restart(filters));
    this.picked = new Picked(
      (id) => this.list.place(id),
      () => this.scroller.focus(),
    );
    this.head = new TerminalHead(level, this.form?.form, this.picked.node, {
      pause: () => (this.paused || this.arrivals.any ? this.resume() : this.pause()),
      copyAll: () => this.copyAll(),
    });
    this.scroller.append(this.empty);
    this.list = new List(
      this.scroller,
      (entry) => this.actions(entry),
      () => this.looked(),
    );
    this.scroller.append(this.head.foot);
    place.append(this.head.node, this.scroller);
    /** @type {Past | undefined} */
    this.past = undefined;
    /** @type {Link | undefined} */
    this.link = undefined;
    this.listen();
    if (this.form) this.form.start();
    else this.restart({ account: account ?? "" });
  }

  listen() {
    listenToKeys(this.scroller, this.head.pause);
    this.scroller.addEventListener("focusout", () => requestAnimationFrame(() => this.settle()));
    this.scroller.addEventListener("scroll", () => this.settle(), { passive: true });
    setInterval(() => this.tell(), 1000);
    addEventListener("pagehide", () => this.link?.close());
    addEventListener("pageshow", (event) => event.persisted && this.restart(this.filters));
  }

  /** Begins anew with these filters. @param {Filters} filters */
  restart(filters) {
    this.filters = filters;
    this.link?.close();
    this.past?.close();
    this.arrivals.clear();
    this.arrived = [];
    this.list.clear();
    this.head.download.href = downloadAddress(filters);
    const past = new Past((before) => getAdminTokenTerminalLogs(filters.env, PAGE, { ...filters, before }), {
      page: (page) => this.hasRead(page),
      changed: () => this.tell(),
    });
    this.past = past;
    this.set("connecting");
    this.link = this.follow(filters, past);
    setTimeout(() => past.begin(), LIVE_WITHIN_MS);
  }

  /** @param {Filters} filters @param {Past} past of this view: what comes once it is closed is not for it */
  follow(filters, past) {
    return new Link(filters, {
      ready: () => past.begin(),
      entry: (entry) => {
        if (past.closed) return;
        this.arrived.push(entry);
        this.frame ||= requestAnimationFrame(() => this.flush());
      },
      state: (name, why) => past.closed || this.set(name, why),
      health: (health) => {
        this.health = health;
        this.tell();
      },
      gap: () => past.closed || this.restart(filters),
    });
  }

  /** @param {Page} page */
  hasRead(page) {
    this.health = page.health;
    this.show(page.entries);
  }

  /** @param {Entry[]} entries */
  show(entries, arriving = false) {
    this.corrected += this.list.add(entries, arriving);
  }

  /** A page may be short, or empty, where what matches is rare. */
  looked() {
    if (this.list.atEnd && this.past?.begun) this.past.read();
  }

  /** Whether somebody reads, under whose eyes nothing may move. */
  get isRead() {
    const focused = document.activeElement;
    return (
      this.scroller.scrollTop > READS_FROM || (focused !== this.scroller && this.scroller.contains(focused))
    );
  }

  /** Shows what arrived, or lets it wait. */
  flush() {
    this.frame = 0;
    const { arrived, list } = this;
    this.arrived = [];
    // What is not true goes at once, also under a reader's eyes.
    this.show(arrived.filter((entry) => list.corrects(entry)));
    const fresh = arrived.filter((entry) => !list.has(entry.id));
    if (this.paused || this.isRead) this.arrivals.keep(fresh);
    else {
      this.show(fresh, true);
      if (!this.past?.reading && list.trim(LOADED_MAX)) this.past?.goOnFrom(list.oldest());
    }
    this.tell();
  }

  /** Shows what waits once nobody reads any more. */
  settle() {
    if (!this.paused && this.arrivals.any && !this.isRead) this.take();
    this.tell();
  }

  take() {
    const waited = this.arrivals.take();
    if (waited) this.show(waited, true);
    else this.restart(this.filters);
  }

  pause() {
    this.paused = true;
    this.tell();
  }

  resume() {
    this.paused = false;
    if (this.scroller.contains(document.activeElement)) this.head.pause.focus();
    this.scroller.scrollTop = 0;
    this.take();
    this.tell();
  }

  /** @param {string} name */
  set(name, why = "") {
    if (name === "catching-up" && this.state.name === "live") return;
    const since = name === this.state.name ? this.state.since : Date.now();
    this.state = { name, why, since };
    this.tell();
  }

  /** All that is said about the view, from what is known of it. */
  tell() {
    const { state, paused, arrivals, past } = this;
    if (!past) return;
    const warning = this.health?.warnings?.[0];
    mark(this.scroller, "aria-busy", String(past.reading));
    const warnings = [corrections(this.corrected), warning].filter(Boolean);
    this.head.tell({ state, paused, arrivals, past, loaded: this.list.length, warnings });
    this.tellEmpty(past, warning);
  }

  /** @param {Past} past @param {string | undefined} warning */
  tellEmpty(past, warning) {
    const { state, list } = this;
    mark(this.scroller, "role", list.length ? "feed" : "region");
    const chosen = this.form !== null && Object.keys(this.filters).length > 0;
    const reason = list.length
      ? ""
      : whyEmpty({
          state: state.name,
          problem: past.problem,
          reading: past.reading || past.more,
          member: session.member,
          filtered: chosen,
        });
    if (this.empty.dataset.why === reason) return;
    this.empty.hidden = !reason;
    this.empty.dataset.why = reason;
    if (!reason) return this.empty.replaceChildren();
    const none = this.account
      ? "This account has not been refreshed yet."
      : "No account of your organisations has been refreshed yet.";
    const [title, text] = wordsOf(reason, { problem: past.problem, why: state.why, warning, none });
    const clear = chosen && ["refused", "matches"].includes(reason);
    put(
      this.empty,
      h("h2", {}, title),
      h("p", {}, foreign(text)),
      clear && h("button", { click: () => this.form?.set({}) }, "Clear filters"),
    );
  }

  /** An entry's buttons. @param {Entry} entry @returns {Child[]} */
  actions(entry) {
    const account = entry.account_id;
    const only = Object.keys(this.filters).length === 1 && this.filters.account === account;
    const story = {
      class: "button quiet",
      href: toAddress({ account }),
      title: "All entries of this account",
    };
    const copies = () => this.copies([toText(entry, this.list.place(entry.id))], "Copied the entry.");
    return [
      !only && h("a", story, "Story"),
      h("button", { class: "quiet", click: () => this.picked.choose(entry) }, "Compare"),
      h("button", { class: "quiet", click: copies }, "Copy"),
    ];
  }

  copyAll() {
    const all = this.list.entries();
    const texts = all.map((entry, at) => toText(entry, at + 1));
    this.copies(texts, `Copied ${plural(all.length, "entry", "entries")}.`);
  }

  /** @param {string[]} texts @param {string} done */
  copies(texts, done) {
    trying(async () => {
      await copy(texts.join("\n"));
      say(done);
    });
  }
}
