// One account: its state, Refresh (debug), and the unified terminal below.

import { h, foreign, when, mayOperate } from "./dom.js";
import { getAccounts } from "./api.js";
import { accountActions, nextRefresh, statusBadge, trouble } from "./account_parts.js";
import { debugRun } from "./debug_run.js";
import { mountTerminal } from "./terminal.js";
import { toAddress } from "./filters.js";
import { repeat } from "./live.js";

const id = location.pathname.split("/").pop();
const main = document.querySelector("main");
const head = h("div", { class: "account-head" }, h("h1", {}, "Account"));
const run = debugRun(id, load);
const place = h("section", { class: "terminal embedded", "aria-label": "Unified terminal" });
main.append(head, run, place);
let account, terminal;

async function load() {
  try {
    const { accounts } = await getAccounts({ account: id });
    account = accounts[0];
    if (!account)
      return head.replaceChildren(
        h("h1", {}, "No such account"),
        h(
          "p",
          {},
          "You see no account of this id, or it has no token yet. ",
          h("a", { href: "/accounts" }, "All accounts"),
        ),
      );
  } catch (error) {
    return head.replaceChildren(
      h("h1", {}, "Account"),
      h("p", { class: "problem", role: "alert" }, "✕ ", foreign(error.message)),
    );
  }
  if (document.querySelector("dialog[open]") || head.contains(document.activeElement)) return;
  show();
  run.hidden = !mayOperate(account.org_id);
  terminal ??= mountTerminal(place, { filters: {}, level: "h2" });
}

function show() {
  const now = Date.now();
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  document.title = `${account.account} · token-refresh`;
  head.replaceChildren(
    h(
      "div",
      { class: "line" },
      h("h1", {}, foreign(account.account)),
      statusBadge(account),
      h(
        "span",
        { class: "muted" },
        account.house_name && [foreign(account.house_name), " · "],
        foreign(account.org),
        " · ",
        account.environment,
      ),
      h(
        "span",
        { class: "actions" },
        accountActions(account, load).slice(0, -1),
        h("a", { class: "button quiet", href: toAddress({ account: account.account_id }) }, "Story"),
      ),
    ),
    trouble(account, now) ?? "",
    h(
      "dl",
      { class: "figures" },
      figure("Last success", when(account.last_success_at, now)),
      figure("Last attempt", when(account.last_attempt_at, now)),
      figure("Next refresh", nextRefresh(account, now)),
      figure(
        "Access token ends",
        account.access_expires_at ? when(account.access_expires_at, now) : "none yet",
      ),
      figure(
        "Refresh token ends",
        account.refresh_expires_at ? when(account.refresh_expires_at, now) : "not known",
      ),
      figure("Failures in a row", String(account.consecutive_failures)),
    ),
  );
}

repeat(4000, load);
