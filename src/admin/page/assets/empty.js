// Why the terminal shows no entry: an empty screen must be as trustworthy as a full one.

import { session, h, foreign } from "./dom.js";

/** The reason, from what is known of the view. */
export function whyEmpty({ state, problem, reading, filters }) {
  if (state === "signed-out") return "signed-out";
  if (problem && problem.status >= 400 && problem.status < 500) return "refused";
  if (problem || state === "reconnecting") return "away";
  if (reading) return "reading";
  if (!session.platform_admin && Object.keys(session.roles).length === 0) return "rights";
  return Object.keys(filters).length ? "matches" : "none";
}

/** The reason in words, with the way out where there is one. */
export function saysWhy(reason, { problem, why, health, clear }) {
  const warning = health?.warnings?.[0];
  const words = {
    reading: ["Reading …", ""],
    refused: [problem?.title ?? "Refused", problem?.message ?? why, clear],
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
      clear,
    ],
    none: [
      "No attempts yet",
      warning
        ? `Nothing has been refreshed yet, perhaps because of this: ${warning}.`
        : "No account of your organisations has been refreshed yet. The first attempt will appear here.",
    ],
  }[reason];
  if (!words) return [];
  const [title, text, button] = words;
  return [h("h2", {}, title), h("p", {}, foreign(text)), button].filter(Boolean);
}
