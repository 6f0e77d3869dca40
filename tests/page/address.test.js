import assert from "node:assert/strict";
import { test } from "node:test";

import { fromField, fromQuery, toAddress, toField } from "../../src/admin/page/assets/filter_address.js";
import "./stage.js";

const { downloadAddress, query, streamAddress } = await import("../../src/admin/page/assets/api.js");

test("filters stand in the address and come back from it", () => {
  const filters = { env: "sandbox", q: 'a "b" & c', class: "network" };
  const address = toAddress(filters);
  assert.deepEqual(fromQuery(address.slice(address.indexOf("?"))), filters);
  assert.equal(toAddress({}), "/terminal");
  assert.deepEqual(fromQuery("?evil=1&q=&source=debug"), { source: "debug" });
});

test("fields of instants are UTC", () => {
  assert.equal(fromField("since", "2026-01-02T03:04:05"), "2026-01-02T03:04:05.000Z");
  assert.equal(toField("since", "2026-01-02T03:04:05.000Z"), "2026-01-02T03:04:05");
  assert.equal(toField("until", "nonsense"), "");
  assert.deepEqual([fromField("until", ""), fromField("q", " x "), toField("q", "x")], ["", "x", "x"]);
});

test("a query leaves out what is empty", () => {
  assert.equal(query({ a: "", b: null, c: undefined, d: 0, e: "x y" }), "?d=0&e=x+y");
  assert.equal(query({}), "");
  assert.equal(streamAddress({ q: "x" }, "7"), "/api/admin/ebay/tokens/terminal-logs/stream?q=x&after=7");
  assert.equal(downloadAddress({}), "/api/admin/ebay/tokens/terminal-logs/download");
});
