// @ts-check
// Buttons for what the user may do with an account.

import { act } from "./api.js";
import { confirmed, say, trying } from "./dialog.js";
import { h } from "./dom.js";
import { showInspection } from "./inspection.js";
import { mayOperate } from "./session.js";

/** A button's text, which for a screen reader names the account too. @param {string} text @param {Account} account */
const named = (text, account) => [text, h("span", { class: "offscreen" }, ` ${account.account}`)];

/**
 * Does something with the account, while the button waits, and says what came of it.
 * @param {Account} account
 * @param {string} action
 * @param {string} done
 * @param {() => void} changed
 */
const doing = (account, action, done, changed) => async (/** @type {HTMLButtonElement} */ button) => {
  button.disabled = true;
  await trying(async () => {
    const answer = await act(account.account_id, action);
    say(answer.in_flight ? "Accepted; another attempt is under way, so this one may not run." : done);
  });
  button.disabled = false;
  changed();
};

/**
 * @param {Account} account
 * @param {() => void} changed is called when the account may be another than it was
 * @returns {Child[]}
 */
export function accountActions(account, changed) {
  if (!mayOperate(account.org_id)) return [];
  const refresh = doing(account, "refresh", "Accepted: it is refreshed like a due account.", changed);
  const resume = doing(account, "resume", "Resumed; it is refreshed at once.", changed);
  const pause = doing(account, "pause", "Paused.", changed);
  const ask = async (/** @type {HTMLButtonElement} */ button) => {
    const question = `Pause ${account.account}? Its token will run out unless somebody resumes it.`;
    if (await confirmed(question, "Pause")) await pause(button);
  };
  /** @type {(text: string, act: (button: HTMLButtonElement) => unknown, kind?: string) => Child} */
  const button = (text, act, kind) =>
    h(
      "button",
      { class: kind, click: (/** @type {any} */ event) => act(event.currentTarget) },
      named(text, account),
    );
  return [
    account.status === "paused"
      ? button("Resume", resume)
      : [button("Refresh", refresh), button("Pause", ask, "quiet")],
    button("Inspect", () => showInspection(account), "quiet"),
  ];
}

/** The way to an account's own page. @param {Account} account */
export const debugLink = (account) =>
  mayOperate(account.org_id) &&
  h("a", { class: "button", href: `/accounts/${account.account_id}` }, named("Debug", account));
