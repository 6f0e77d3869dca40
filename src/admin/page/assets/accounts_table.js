// @ts-check
// Accounts as a table, which on a phone is a card for each.

import { accountActions, debugLink } from "./account_actions.js";
import { ends, nextRefresh, statusBadge, trouble } from "./account_words.js";
import { badge, belongs, foreign, h, when } from "./dom.js";
import { mayOperate } from "./session.js";

const HEADS = ["Account", "Status", "Last success", "Next refresh", "Token ends", "Failures", "What to do"];

/** @param {string} label @param {Child} inside @param {string} [kind] */
const cell = (label, inside, kind) => h("td", { "data-label": label, class: kind }, inside);

/** @param {Account} account @param {number} now @param {boolean} operates @param {() => void} changed */
const row = (account, now, operates, changed) =>
  h(
    "tr",
    { "data-id": account.account_id },
    h(
      "th",
      { scope: "row" },
      h("a", { href: `/accounts/${account.account_id}` }, foreign(account.account)),
      h("div", { class: "muted" }, belongs(account)),
    ),
    cell("Status", [statusBadge(account), account.in_flight && h("div", {}, badge("wait", "refreshing"))]),
    cell("Last success", when(account.last_success_at, now)),
    cell("Next refresh", nextRefresh(account, now)),
    cell("Token ends", ends(account.access_expires_at, now, "none yet")),
    cell("Failures", account.consecutive_failures, "n"),
    cell("What to do", trouble(account, now) ?? h("span", { class: "muted" }, "nothing"), "wide"),
    operates &&
      cell(
        "Actions",
        h("div", { class: "actions" }, accountActions(account, changed), debugLink(account)),
        "acts",
      ),
  );

/**
 * @param {Account[]} accounts
 * @param {() => void} changed is called after somebody did something with one
 */
export function accountsTable(accounts, changed) {
  const now = Date.now();
  const operates = accounts.some((account) => mayOperate(account.org_id));
  const heads = HEADS.map((head) => h("th", { scope: "col", class: head === "Failures" && "n" }, head));
  return h(
    "table",
    { class: "cards" },
    h("thead", {}, h("tr", {}, heads, operates && h("th", { scope: "col" }, "Actions"))),
    h(
      "tbody",
      {},
      accounts.map((account) => row(account, now, operates, changed)),
    ),
  );
}
