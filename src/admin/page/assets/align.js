// @ts-check
// The lines of two texts, side by side.

/** Longest part of a text that is compared, in lines. */
const MOST = 600;

/**
 * A line of either text or of both.
 * @typedef {{left: string | undefined, right: string | undefined, differs: boolean}} Pair
 */

/** How many lines the rests of two texts have in common, by where the rests begin. @param {string[]} a @param {string[]} b */
function common(a, b) {
  const counts = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      counts[i][j] = a[i] === b[j] ? counts[i + 1][j + 1] + 1 : Math.max(counts[i + 1][j], counts[i][j + 1]);
  return counts;
}

/** Lines that only one has, in pairs. @param {string[]} left @param {string[]} right @returns {Pair[]} */
const different = (left, right) =>
  Array.from({ length: Math.max(left.length, right.length) }, (_, at) => ({
    left: left[at],
    right: right[at],
    differs: true,
  }));

/**
 * Pairs the lines of two texts: those both have in their order, and what either has alone.
 * @param {string[]} left
 * @param {string[]} right
 * @returns {Pair[]}
 */
export function align(left, right) {
  const [a, b] = [left.slice(0, MOST), right.slice(0, MOST)];
  const counts = common(a, b);
  /** @type {Pair[]} */
  const pairs = [];
  let [i, j, from, to] = [0, 0, 0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      pairs.push(...different(a.slice(from, i), b.slice(to, j)));
      pairs.push({ left: a[i++], right: b[j++], differs: false });
      [from, to] = [i, j];
    } else if (j >= b.length || (i < a.length && counts[i + 1][j] >= counts[i][j + 1])) i++;
    else j++;
  }
  pairs.push(...different(a.slice(from), b.slice(to)));
  return pairs;
}
