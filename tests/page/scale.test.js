import assert from "node:assert/strict";
import { test } from "node:test";

import { ceiling, figure, highest, spansOf, sums } from "../../src/admin/page/assets/scale.js";

test("a plot's height is a round number", () => {
  assert.deepEqual([0, 3, 5, 6, 11, 21, 50, 51, 999].map(ceiling), [1, 3, 5, 10, 20, 50, 50, 100, 1000]);
});

test("spans end with the one that is now", () => {
  const spans = spansOf({ at: "1970-01-01T01:00:30Z", past_seconds: 3600, step_seconds: 60 });
  assert.deepEqual([spans.length, spans[0], spans.at(-1)], [60, 60_000, 3_600_000]);
});

test("rows are summed by class and span, in the server's order of classes", () => {
  const at = (/** @type {number} */ ms) => new Date(ms).toISOString();
  const rows = [
    { at: at(2000), class: "network", entries: 2 },
    { at: at(1000), class: "refreshed", entries: 5 },
    { at: at(2000), class: "network", entries: 1 },
    { at: at(9000), class: "network", entries: 7 },
  ];
  assert.deepEqual(sums(rows, [1000, 2000], ["refreshed", "network"]), [
    ["refreshed", [5, 0]],
    ["network", [0, 3]],
  ]);
});

test("layers add up, lines do not", () => {
  assert.deepEqual([figure([1, 2, 3], true), figure([1, 2, 3], false), figure([], false)], [6, 3, 0]);
  assert.equal(
    highest(
      [
        [1, 2],
        [3, 4],
      ],
      true,
    ),
    6,
  );
  assert.equal(
    highest(
      [
        [1, 2],
        [3, 4],
      ],
      false,
    ),
    4,
  );
  assert.equal(highest([], true), 1);
});
