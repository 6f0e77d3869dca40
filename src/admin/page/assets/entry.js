// One entry, as one reads an HTTP exchange: on the page and as text.

import { session, h, foreign, plain, utc, badge } from "./dom.js";

/** Longest body shown at first, in characters. */
const SHOWN = 3000;
const BAD = [
  "decrypt_failed",
  "preflight_rejected",
  "grant_invalid",
  "client_invalid",
  "scope_invalid",
  "request_rejected",
];

/** How a class is to be taken: well, for a while, or until somebody acts. */
export const toneOf = (name) => (name === "refreshed" ? "ok" : BAD.includes(name) ? "bad" : "warn");

/** Sorts as time does, whatever the number of digits behind the second. */
export const stamp = (entry) => {
  const [second, fraction = ""] = entry.created_at.replace(/(Z|\+00:00)$/, "").split(".");
  return `${second}.${fraction.padEnd(9, "0")} ${entry.id}`;
};

const classOf = (entry) => (entry.reason ? `${entry.class} (${entry.reason})` : entry.class);
const by = ({ triggered_by: id }) =>
  id === session.id ? `${session.name} (you)` : (session.users[id] ?? id);
const bodyText = (body) => (typeof body === "string" ? body : JSON.stringify(body, null, 2));
const timings = (entry) => {
  const order = ["queued", "claim", "open", "call", "total"];
  const place = (name) => (order.indexOf(name) + 99) % 99;
  return Object.entries(entry.timings_ms)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([phase, ms]) => `${phase} ${ms} ms`)
    .join(" · ");
};

/** What stands above the exchange, as names and values. */
function fields(entry) {
  const house = entry.house_name ? ` “${entry.house_name}”` : "";
  const step =
    entry.class === "not_run" ? session.not_run[entry.reason]?.[0] : session.classes[entry.class]?.[1];
  return [
    ["time", utc(entry.created_at)],
    ["source", entry.source],
    ["action", entry.action],
    [
      "account",
      `${entry.account}${house} · ${entry.environment} · ${session.orgs[entry.org_id] ?? entry.org_id}`,
    ],
    [
      "class",
      `${classOf(entry)}${entry.response ? `, HTTP ${entry.response.status}` : ""}, sent: ${entry.sent}, try ${entry.attempt}`,
    ],
    ["by", by(entry)],
    ["error", entry.error],
    ["next step", step],
    ["timings", timings(entry)],
    ["attempt", entry.id],
    ["instance", `${entry.instance} (${entry.version})`],
  ].filter(([, value]) => value);
}

const pairs = (values) => Object.entries(values).map(([name, value]) => `${name}: ${value}`);
const requestLines = (request) => [
  `${request.method} ${request.url}`,
  ...pairs(request.headers),
  "",
  ...pairs(request.body),
];
const responseLines = (response) => [
  `HTTP ${response.status}`,
  ...pairs(response.headers),
  "",
  bodyText(response.body),
];

/** The entry as text: what is copied, and what two entries are compared by. */
export function lines(entry, place) {
  const head = fields(entry).map(([name, value]) => `${`${name}:`.padEnd(11)}${plain(value)}`);
  const part = (name, exchange, of) =>
    exchange
      ? [
          `${name}:`,
          ...of(exchange)
            .flatMap((line) => plain(line, true).split("\n"))
            .map((line) => `  ${line}`),
        ]
      : [`${name}:${" ".repeat(10 - name.length)}null`];
  return [
    ...(place ? [`#${place} ${"─".repeat(72)}`] : []),
    ...head,
    ...part("request", entry.request, requestLines),
    ...part("response", entry.response, responseLines),
  ];
}

export const toText = (entry, place) => `${lines(entry, place).join("\n")}\n`;

/** A text block that is cut where it is long, until somebody wants all of it. */
function block(text) {
  const pre = h("pre", {}, foreign(text.length > SHOWN ? text.slice(0, SHOWN) : text, true));
  if (text.length <= SHOWN) return pre;
  const more = h(
    "button",
    { class: "quiet", click: () => (pre.replaceChildren(foreign(text, true)), more.remove()) },
    `Show all ${text.length.toLocaleString("en-US")} characters`,
  );
  return h("div", {}, pre, more);
}

const part = (name, exchange, of, none) =>
  h(
    "section",
    { class: "part" },
    h("h3", {}, name),
    exchange ? block(of(exchange).join("\n")) : h("p", { class: "muted" }, none),
  );

/** The entry on the page. `actions` are the buttons that belong to it. */
export function render(entry, actions) {
  const status = entry.response ? `HTTP ${entry.response.status}` : "no answer";
  const title = `title-${entry.id}`;
  return h(
    "article",
    {
      class: `entry ${toneOf(entry.class)}`,
      tabindex: "0",
      "aria-labelledby": title,
      "data-id": entry.id,
      "data-class": entry.class,
      "data-source": entry.source,
    },
    h(
      "header",
      {},
      h(
        "h2",
        { id: title },
        h("span", { class: "place" }),
        " ",
        badge(toneOf(entry.class), entry.class),
        " ",
        h("span", { class: `source ${entry.source}` }, entry.source),
        " ",
        h("span", { class: "name" }, foreign(entry.account)),
        " ",
        h("span", { class: "muted" }, status),
      ),
      h("div", { class: "actions" }, actions),
    ),
    h(
      "dl",
      {},
      fields(entry).map(([name, value]) =>
        h(
          "div",
          { class: `f-${name.replace(" ", "-")}` },
          h("dt", {}, `${name}:`),
          h("dd", {}, foreign(value)),
        ),
      ),
    ),
    h(
      "div",
      { class: "exchange" },
      part("request", entry.request, requestLines, "null: there was nothing to send"),
      part(
        "response",
        entry.response,
        responseLines,
        entry.sent === "no" ? "null: nothing was sent to eBay" : "null: no answer came",
      ),
    ),
  );
}
