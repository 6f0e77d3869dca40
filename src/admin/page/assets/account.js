// @ts-check
// One account: its state, Refresh (debug), and its entries below.

import { accountActions } from "./account_actions.js";
import { ends, nextRefresh, statusBadge, trouble } from "./account_words.js";
import { getAccounts, messageOf } from "./api.js";
import { DebugRun } from "./debug_run.js";
import { dialogOpen } from "./dialog.js";
import { belongs, find, foreign, h, problemLine, put, when } from "./dom.js";
import { toAddress } from "./filter_address.js";
import { repeat } from "./repeat.js";
import { mayOperate } from "./session.js";
import { Terminal } from "./terminal_view.js";

const EVERY_MS = 4000;

const id = location.pathname.split("/").pop() ?? "";
const head = h("div", { class: "account-head" }, h("h1", {}, "Account"));
const run = new DebugRun(id, load);
const place = h("section", { class: "terminal embedded", "aria-label": "Entries of this account" });
find("main").append(head, run.node, place);
/** @type {Terminal | undefined} */
let terminal;

async function load() {
  let account;
  try {
    [account] = (await getAccounts({ account: id })).accounts;
  } catch (error) {
    return put(head, h("h1", {}, "Account"), problemLine(messageOf(error)));
  }
  if (!account) return put(head, nothing());
  if (dialogOpen() || head.contains(document.activeElement)) return;
  show(account);
  run.node.hidden = !mayOperate(account.org_id);
  terminal ??= new Terminal(place, { account: id, level: "h2" });
}

const nothing = () => [
  h("h1", {}, "No such account"),
  h(
    "p",
    {},
    "You see no account of this id, or it has no token yet. ",
    h("a", { href: "/accounts" }, "All accounts"),
  ),
];

/** @param {string} name @param {Child} value */
const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

/** @param {Account} account */
function show(account) {
  const now = Date.now();
  const story = { class: "button quiet", href: toAddress({ account: account.account_id }) };
  document.title = `${account.account} · token-refresh`;
  put(
    head,
    h(
      "div",
      { class: "line" },
      h("h1", {}, foreign(account.account)),
      statusBadge(account),
      h("span", { class: "muted" }, belongs(account)),
      h("span", { class: "actions" }, accountActions(account, load), h("a", story, "Story")),
    ),
    trouble(account, now),
    h(
      "dl",
      { class: "figures" },
      figure("Last success", when(account.last_success_at, now)),
      figure("Last attempt", when(account.last_attempt_at, now)),
      figure("Next refresh", nextRefresh(account, now)),
      figure("Access token ends", ends(account.access_expires_at, now, "none yet")),
      figure("Refresh token ends", ends(account.refresh_expires_at, now, "not known")),
      figure("Failures in a row", account.consecutive_failures),
    ),
  );
}

repeat(EVERY_MS, load);
