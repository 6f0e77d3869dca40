// Two entries side by side, with what differs marked: does the debug run do what the scheduled one does?

import { h, foreign, utc, badge, say } from "./dom.js";
import { getAdminTokenTerminalLogs } from "./api.js";
import { lines, toneOf } from "./entry.js";

/** Pairs the lines of two texts: those both have in their order, and what either has alone. */
function align(a, b) {
  const most = 600;
  const [m, n] = [Math.min(a.length, most), Math.min(b.length, most)];
  const common = Array.from({ length: m + 1 }, () => new Uint16Array(n + 1));
  for (let i = m - 1; i >= 0; i--)
    for (let j = n - 1; j >= 0; j--)
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const rows = [];
  let [i, j, left, right] = [0, 0, [], []];
  const flush = () => {
    for (let k = 0; k < Math.max(left.length, right.length); k++) rows.push([left[k], right[k], true]);
    [left, right] = [[], []];
  };
  while (i < m || j < n) {
    if (i < m && j < n && a[i] === b[j]) {
      flush();
      rows.push([a[i++], b[j++], false]);
    } else if (j >= n || (i < m && common[i + 1][j] >= common[i][j + 1])) left.push(a[i++]);
    else right.push(b[j++]);
  }
  flush();
  return rows;
}

const title = (entry) =>
  h(
    "span",
    {},
    badge(toneOf(entry.class), entry.class),
    " ",
    h("strong", {}, entry.source),
    " ",
    foreign(entry.account),
    " ",
    h("span", { class: "muted" }, utc(entry.created_at)),
  );

const token = (entry) => entry.request?.body?.refresh_token;

/** What the two have to do with each other, in a sentence. */
function verdict(a, b) {
  if (a.account_id !== b.account_id) return ["warn", "These are runs of two different accounts."];
  if (!a.request || !b.request) return ["warn", "At least one of them had no request to compare."];
  if (JSON.stringify(a.request) === JSON.stringify(b.request))
    return ["ok", "Both runs sent the same request, token fingerprint included."];
  if (token(a) !== token(b))
    return ["warn", "The two requests carry different refresh tokens: compare the fingerprints."];
  return ["bad", "The two requests differ although the token is the same."];
}

/** Opens both in a dialog. */
function compare(a, b) {
  const rows = align(lines(a), lines(b));
  const differing = rows.filter(([, , differs]) => differs).length;
  const [tone, text] = verdict(a, b);
  const cell = (line, differs, mark) =>
    h(
      "td",
      { class: differs ? "differs" : null },
      differs && line !== undefined && h("span", { class: "mark", "aria-label": "differs" }, mark),
      line === undefined ? "" : foreign(line),
    );
  const dialog = h(
    "dialog",
    { class: "compare", "aria-labelledby": "compare-title", close: () => dialog.remove() },
    h(
      "header",
      {},
      h("h2", { id: "compare-title" }, "Two entries side by side"),
      h("form", { method: "dialog" }, h("button", {}, "Close")),
    ),
    h(
      "p",
      {},
      badge(tone, text),
      " ",
      h("span", { class: "muted" }, `${differing} of ${rows.length} lines differ.`),
    ),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Comparison" },
      h(
        "table",
        { class: "diff" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, title(a)), h("th", { scope: "col" }, title(b)))),
        h(
          "tbody",
          {},
          rows.map(([left, right, differs]) =>
            h("tr", {}, cell(left, differs, "−"), cell(right, differs, "+")),
          ),
        ),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}

/** Holds the first of two entries until the second is chosen. */
export class Picked {
  /** `place(id)` is an entry's number in the list; `left` is called when the choice is given up. */
  constructor({ place, left }) {
    Object.assign(this, { place, left, entry: null });
    this.node = h("div", { class: "picked", hidden: true });
  }

  choose(entry) {
    if (this.entry && this.entry.id !== entry.id) {
      const both = [this.entry, entry].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
      this.drop();
      return compare(...both);
    }
    this.entry = entry;
    const kind = entry.source === "debug" ? "scheduled" : "debug";
    this.node.hidden = false;
    this.node.replaceChildren(
      h(
        "span",
        {},
        "Comparing ",
        h("strong", {}, `#${this.place(entry.id)} ${entry.source} `),
        foreign(entry.account),
        ": choose “Compare” at another entry, or",
      ),
      " ",
      h("button", { click: () => this.counterpart(entry, kind) }, `the account’s newest ${kind} run`),
      " ",
      h("button", { class: "quiet", click: () => this.drop() }, "Cancel"),
    );
    this.node.querySelector("button").focus();
  }

  /** The same account's newest run of the other kind: what a person made due takes the scheduler's way too. */
  async counterpart(entry, kind) {
    try {
      for (const source of kind === "debug" ? ["debug"] : ["scheduled", "admin"]) {
        const { entries } = await getAdminTokenTerminalLogs(entry.environment, 1, {
          account: entry.account_id,
          source,
        });
        if (entries.length) return this.choose(entries[0]);
      }
      say(`This account has no ${kind} run yet.`, "warn");
    } catch (error) {
      say(error.message, "bad");
    }
  }

  drop() {
    this.entry = null;
    if (this.node.contains(document.activeElement)) this.left();
    this.node.hidden = true;
    this.node.replaceChildren();
  }
}
