// @ts-check
// What the list of accounts and the page of one account say of an account.

import { badge, foreign, h, prose, when } from "./dom.js";
import { words } from "./session.js";
import { span, spaced } from "./text.js";

/** @param {Account} account */
export const statusBadge = ({ status }) =>
  badge(words.statuses.find((one) => one.name === status)?.tone ?? "warn", spaced(status));

/**
 * When the account is refreshed next; what is due waits for a worker, its keyset or a retry.
 * @param {Account} account
 * @param {number} now
 */
export function nextRefresh({ next_refresh_at: at }, now) {
  if (!at) return "–";
  const late = now - Date.parse(at);
  return late < 0 ? when(at, now) : h("span", {}, `due for ${span(late / 1000)}`);
}

/** When a token ends. @param {string | null} at @param {number} now @param {string} none */
export const ends = (at, now, none) => (at ? when(at, now) : none);

/** What went wrong or soon will, in words, and the next step. @param {Account} account @param {number} now */
export function trouble(account, now) {
  const { refresh_error: error, next_step: step, ends_soon: soon } = account;
  if (!error && !soon) return null;
  return h(
    "div",
    { class: "trouble" },
    error && h("div", {}, foreign(error)),
    error && step && h("div", { class: "muted" }, "Next: ", prose(step)),
    soon &&
      h(
        "div",
        {},
        badge("warn", "The seller must connect again: the refresh token ends "),
        when(account.refresh_expires_at, now),
      ),
  );
}
