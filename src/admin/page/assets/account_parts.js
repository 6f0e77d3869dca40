// What the list of accounts and the page of one account have in common.

import { h, foreign, prose, span, when, badge, say, confirmed, mayOperate } from "./dom.js";
import { act } from "./api.js";
import { showInspection } from "./inspection.js";

/** When the end of a refresh token is warned of. */
export const ENDS_SOON_DAYS = 30;
const TONES = {
  reconnect_required: "bad",
  blocked: "bad",
  expired: "bad",
  expiring_soon: "warn",
  ok: "ok",
  paused: "off",
};

export const statusBadge = (account) =>
  badge(TONES[account.status] ?? "warn", account.status.replaceAll("_", " "));

/** Buttons for what the user may do with the account. */
export function accountActions(account, done) {
  if (!mayOperate(account.org_id)) return [];
  const run = (action, said) => async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      const answer = await act(account.account_id, action);
      say(answer.in_flight ? "Accepted; another attempt is under way, so this one may not run." : said);
    } catch (error) {
      say(error.message, "bad");
    }
    button.disabled = false;
    done();
  };
  const pause = async (event) => {
    const button = event.currentTarget;
    if (
      await confirmed(`Pause ${account.account}? Its token will run out unless somebody resumes it.`, "Pause")
    )
      await run("pause", "Paused.")({ currentTarget: button });
  };
  const name = (text) => h("span", { class: "offscreen" }, ` ${text}`);
  return [
    account.status === "paused"
      ? h(
          "button",
          { click: run("resume", "Resumed; it is refreshed at once.") },
          "Resume",
          name(account.account),
        )
      : [
          h(
            "button",
            { click: run("refresh", "Accepted: it is refreshed like a due account.") },
            "Refresh",
            name(account.account),
          ),
          h("button", { class: "quiet", click: pause }, "Pause", name(account.account)),
        ],
    h("button", { class: "quiet", click: () => showInspection(account) }, "Inspect", name(account.account)),
    h("a", { class: "button", href: `/accounts/${account.account_id}` }, "Debug", name(account.account)),
  ].flat();
}

/** When the account is refreshed next; what is due waits for a worker, its keyset or a retry. */
export function nextRefresh({ next_refresh_at: at }, now) {
  if (!at) return "–";
  return Date.parse(at) > now
    ? when(at, now)
    : h("span", {}, `due for ${span((now - Date.parse(at)) / 1000)}`);
}

/** Whether the seller must soon connect again. */
const endsSoon = (account, now) =>
  account.refresh_expires_at && Date.parse(account.refresh_expires_at) - now < ENDS_SOON_DAYS * 86_400_000;

/** What went wrong or soon will, in words, and the next step. */
export function trouble(account, now) {
  const ends =
    endsSoon(account, now) &&
    h(
      "div",
      {},
      badge("warn", "The seller must connect again: the refresh token ends "),
      when(account.refresh_expires_at, now),
    );
  if (!account.refresh_error && !ends) return null;
  return h(
    "div",
    { class: "trouble" },
    account.refresh_error && h("div", {}, foreign(account.refresh_error)),
    account.refresh_error &&
      account.next_step &&
      h("div", { class: "muted" }, "Next: ", prose(account.next_step)),
    ends,
  );
}
