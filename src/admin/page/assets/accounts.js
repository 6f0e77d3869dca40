// All accounts of the user's orgs, those that somebody must see to first.

import { session, h, foreign, when, badge, plural, mayOperate } from "./dom.js";
import { getAccounts } from "./api.js";
import { ENDS_SOON_DAYS, accountActions, nextRefresh, statusBadge, trouble } from "./account_parts.js";
import { repeat } from "./live.js";

const PAGE = 100;
const STATUSES = ["reconnect_required", "blocked", "expired", "expiring_soon", "ok", "paused"];

function accountsPage(main) {
  const query = new URLSearchParams(location.search);
  let rows = [],
    next = null,
    problem = "",
    read = false;
  const state = () =>
    Object.fromEntries(
      ["q", "env", "status"]
        .map((name) => [name, form.elements[name].value.trim()])
        .concat([
          ["failing", form.elements.failing.checked ? "true" : ""],
          ["ends_within_days", form.elements.ending.checked ? ENDS_SOON_DAYS : ""],
        ]),
    );
  const select = (name, label, values) =>
    h(
      "label",
      {},
      h("span", {}, label),
      h(
        "select",
        { name },
        h("option", { value: "" }, "all"),
        values.map((value) => h("option", { value }, value.replaceAll("_", " "))),
      ),
    );
  const form = h(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "Filter accounts",
      submit: (event) => {
        event.preventDefault();
        change();
      },
      change,
    },
    h(
      "label",
      { class: "w-q" },
      h("span", {}, "Search"),
      h("input", {
        name: "q",
        type: "search",
        placeholder: "username, house name, organisation or id",
        autocomplete: "off",
      }),
    ),
    select("env", "Environment", ["production", "sandbox"]),
    select("status", "Status", STATUSES),
    h(
      "label",
      { class: "check" },
      h("input", { type: "checkbox", name: "failing" }),
      h("span", {}, "failed last time"),
    ),
    h(
      "label",
      { class: "check" },
      h("input", { type: "checkbox", name: "ending" }),
      h("span", {}, `must be connected again within ${ENDS_SOON_DAYS} days`),
    ),
  );
  for (const name of ["q", "env", "status"]) form.elements[name].value = query.get(name) ?? "";
  form.elements.failing.checked = query.get("failing") === "true";
  form.elements.ending.checked = query.has("ends_within_days");
  let typing;
  form.elements.q.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(change, 250);
  });
  const counted = h("span", { class: "counted", role: "status" });
  const place = h("div", { class: "accounts" });
  const more = h("button", { hidden: true, click: () => load(true) }, "Show more");
  main.append(h("div", { class: "line" }, h("h1", {}, "Accounts"), counted), form, place, more);

  function change() {
    const wanted = Object.entries(state()).filter(([, value]) => value);
    const text = new URLSearchParams(wanted).toString();
    history.replaceState(null, "", `/accounts${text && `?${text}`}`);
    load();
  }

  let asked = 0;
  async function load(further = false) {
    const mine = ++asked;
    try {
      const limit = further ? PAGE : Math.min(1000, Math.max(PAGE, rows.length));
      const page = await getAccounts({ ...state(), limit, after: further ? next : "" });
      if (mine !== asked) return;
      rows = further ? rows.concat(page.accounts) : page.accounts;
      [next, problem, read] = [page.next_after, "", true];
    } catch (error) {
      if (mine !== asked) return;
      problem = error.message;
    }
    show();
  }

  function show() {
    counted.textContent = problem ? "" : `${plural(rows.length, "account")}${next ? ", and more" : ""}`;
    more.hidden = !next;
    if (problem)
      return place.replaceChildren(h("p", { class: "problem", role: "alert" }, "✕ ", foreign(problem)));
    if (place.contains(document.activeElement) && document.querySelector("dialog[open]")) return;
    const focused = document.activeElement?.closest?.("tr[data-id]")?.dataset.id;
    const at =
      focused &&
      [...place.querySelector(`tr[data-id="${focused}"]`).querySelectorAll("a,button")].indexOf(
        document.activeElement,
      );
    place.replaceChildren(rows.length ? table(rows) : none());
    if (focused && at >= 0)
      place.querySelector(`tr[data-id="${focused}"]`)?.querySelectorAll("a,button")[at]?.focus();
  }

  function none() {
    const filtered = Object.values(state()).some(Boolean);
    const member = session.platform_admin || Object.keys(session.roles).length;
    const [title, text] = !read
      ? ["Reading …", ""]
      : filtered
        ? ["No account matches", "Change or clear the filters."]
        : member
          ? ["No accounts yet", "An operator imports them: token-refresh accounts import."]
          : ["You belong to no organisation", "So there is no account that you may see."];
    return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text));
  }

  function table(all) {
    const now = Date.now();
    const heads = [
      "Account",
      "Status",
      "Last success",
      "Next refresh",
      "Token ends",
      "Failures",
      "What to do",
    ];
    const operates = all.some((account) => mayOperate(account.org_id));
    const cell = (label, inside, kind) => h("td", { "data-label": label, class: kind }, inside);
    return h(
      "table",
      { class: "cards" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h("th", { scope: "col", class: head === "Failures" ? "n" : null }, head)),
          operates && h("th", { scope: "col" }, "Actions"),
        ),
      ),
      h(
        "tbody",
        {},
        all.map((account) =>
          h(
            "tr",
            { "data-id": account.account_id },
            h(
              "th",
              { scope: "row" },
              h("a", { href: `/accounts/${account.account_id}` }, foreign(account.account)),
              h(
                "div",
                { class: "muted" },
                account.house_name && [foreign(account.house_name), " · "],
                foreign(account.org),
                " · ",
                account.environment,
              ),
            ),
            cell("Status", [
              statusBadge(account),
              account.in_flight && h("div", {}, badge("wait", "refreshing")),
            ]),
            cell("Last success", when(account.last_success_at, now)),
            cell("Next refresh", nextRefresh(account, now)),
            cell("Token ends", account.access_expires_at ? when(account.access_expires_at, now) : "none yet"),
            cell("Failures", account.consecutive_failures ? String(account.consecutive_failures) : "0", "n"),
            cell("What to do", trouble(account, now) ?? h("span", { class: "muted" }, "nothing"), "wide"),
            operates &&
              cell("Actions", h("div", { class: "actions" }, accountActions(account, load)), "acts"),
          ),
        ),
      ),
    );
  }

  repeat(5000, () => (document.querySelector("dialog[open]") ? null : load()));
}

if (document.body.classList.contains("view-accounts") && location.pathname === "/accounts")
  accountsPage(document.querySelector("main"));
