// @ts-check
// Why the terminal shows no entry: an empty screen must be as trustworthy as a full one.

import { Problem, messageOf, statusOf } from "./api.js";

/**
 * What is known of a view.
 * @typedef {object} View
 * @property {string} state the connection's
 * @property {unknown} problem why the past cannot be read
 * @property {boolean} reading whether it is not read to its end
 * @property {boolean} member whether the user may see any entry
 * @property {boolean} filtered whether somebody chose filters
 */

/** The reason. @param {View} view */
export function whyEmpty({ state, problem, reading, member, filtered }) {
  if (state === "signed-out") return "signed-out";
  const status = statusOf(problem);
  if (status >= 400 && status < 500) return "refused";
  if (problem || state === "reconnecting") return "away";
  if (reading) return "reading";
  if (!member) return "rights";
  return filtered ? "matches" : "none";
}

/** @type {Record<string, [string, string]>} */
const WORDS = {
  reading: ["Reading …", ""],
  away: [
    "Not connected",
    "The admin process or its database does not answer, so nothing can be shown. It is tried again by itself; what happens meanwhile is not lost.",
  ],
  "signed-out": ["Signed out", "Your session has ended, so nothing may be shown."],
  rights: [
    "You belong to no organisation",
    "So there is no entry that you may see. Ask an admin to add you to your organisation.",
  ],
  matches: [
    "No entry matches",
    "There is none among all that you may see. New ones that match will appear here.",
  ],
};

/**
 * The reason in words: a title and a sentence.
 * @param {string} reason
 * @param {{problem: unknown, why: string, warning: string | undefined, none: string}} known
 * @returns {[string, string]}
 */
export function wordsOf(reason, { problem, why, warning, none }) {
  if (reason === "refused")
    return [problem instanceof Problem ? problem.title : "Refused", problem ? messageOf(problem) : why];
  if (reason !== "none") return WORDS[reason];
  return [
    "No attempts yet",
    warning ? `${none} Perhaps because of this: ${warning}.` : `${none} The first attempt will appear here.`,
  ];
}
