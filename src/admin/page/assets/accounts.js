// @ts-check
// All accounts of the user's orgs, those that somebody must see to first.

import { accountsForm, read, show } from "./accounts_form.js";
import { accountsTable } from "./accounts_table.js";
import { getAccounts, messageOf, query } from "./api.js";
import { dialogOpen } from "./dialog.js";
import { find, h, problemLine, put } from "./dom.js";
import { repeat } from "./repeat.js";
import { session } from "./session.js";
import { plural } from "./text.js";

const EVERY_MS = 5000;
const PAGE = 100;
/** Most rows that the API gives at once. */
const PAGE_MAX = 1000;

class AccountsPage {
  /** @param {HTMLElement} main */
  constructor(main) {
    /** @type {Account[]} */
    this.accounts = [];
    /** @type {string | null} */
    this.next = null;
    this.problem = "";
    this.wasRead = false;
    this.asked = 0;
    this.form = accountsForm(() => this.change());
    this.counted = h("span", { class: "counted", role: "status" });
    this.place = h("div", { class: "accounts" });
    this.more = h("button", { hidden: true, click: () => this.load(true) }, "Show more");
    show(this.form, location.search);
    main.append(
      h("div", { class: "line" }, h("h1", {}, "Accounts"), this.counted),
      this.form,
      this.place,
      this.more,
    );
  }

  change() {
    history.replaceState(null, "", `/accounts${query(read(this.form))}`);
    this.load();
  }

  /** Reads what is shown again, or what follows it. */
  async load(further = false) {
    const mine = ++this.asked;
    const limit = further ? PAGE : Math.min(PAGE_MAX, Math.max(PAGE, this.accounts.length));
    try {
      const page = await getAccounts({ ...read(this.form), limit, after: further ? this.next : null });
      if (mine !== this.asked) return;
      this.accounts = further ? this.accounts.concat(page.accounts) : page.accounts;
      [this.next, this.problem, this.wasRead] = [page.next_after, "", true];
    } catch (error) {
      if (mine !== this.asked) return;
      this.problem = messageOf(error);
    }
    this.show();
  }

  show() {
    const { accounts, counted, more, next, place, problem } = this;
    counted.textContent = problem ? "" : `${plural(accounts.length, "account")}${next ? ", and more" : ""}`;
    more.hidden = !next;
    if (problem) return put(place, problemLine(problem));
    if (place.contains(document.activeElement) && dialogOpen()) return;
    const focused = this.focused();
    put(place, accounts.length ? accountsTable(accounts, () => this.load()) : this.none());
    if (focused) this.controls(focused.id)[focused.at]?.focus();
  }

  /** What of an account's row can have the focus. @param {string} id @returns {HTMLElement[]} */
  controls(id) {
    /** @type {NodeListOf<HTMLElement>} */
    const all = this.place.querySelectorAll("a, button");
    return [...all].filter((one) => one.closest("tr")?.dataset.id === id);
  }

  /** Which control of which row has the focus. */
  focused() {
    const id = document.activeElement?.closest("tr")?.dataset.id;
    const at = id ? this.controls(id).findIndex((one) => one === document.activeElement) : -1;
    return id && at >= 0 ? { id, at } : null;
  }

  /** Why there is no account. */
  none() {
    const [title, text] = this.why();
    return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text));
  }

  why() {
    if (!this.wasRead) return ["Reading …", ""];
    if (Object.values(read(this.form)).some(Boolean))
      return ["No account matches", "Change or clear the filters."];
    return session.member
      ? ["No accounts yet", "An operator imports them: token-refresh accounts import."]
      : ["You belong to no organisation", "So there is no account that you may see."];
  }
}

const page = new AccountsPage(find("main"));
repeat(EVERY_MS, () => dialogOpen() || page.load());
