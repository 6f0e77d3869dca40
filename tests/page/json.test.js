import assert from "node:assert/strict";
import { test } from "node:test";

import { ordered, same } from "../../src/admin/page/assets/json.js";

test("values are the same whatever the order of their keys, at any depth", () => {
  assert.ok(
    same({ a: 1, b: { c: [{ d: 1, e: 2 }], f: null } }, { b: { f: null, c: [{ e: 2, d: 1 }] }, a: 1 }),
  );
});

test("values differ by what they say", () => {
  for (const [a, b] of [
    [{ a: 1 }, { a: "1" }],
    [{ a: 1 }, { a: 1, b: null }],
    [
      [1, 2],
      [2, 1],
    ],
    [null, {}],
    [{ a: {} }, { a: [] }],
  ])
    assert.ok(!same(a, b), JSON.stringify([a, b]));
});

test("keys are put in order, arrays are not", () => {
  assert.equal(
    JSON.stringify(ordered({ b: [{ z: 1, a: [3, 1] }], a: "" })),
    '{"a":"","b":[{"a":[3,1],"z":1}]}',
  );
});
