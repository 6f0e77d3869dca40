// @ts-check
// Work that is done again and again while somebody looks.

/**
 * Repeats `work` every `everyMs` while the page is looked at, and at once when it is again.
 * @param {number} everyMs
 * @param {() => unknown} work
 */
export function repeat(everyMs, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let running = false;
  async function once() {
    clearTimeout(timer);
    if (running || document.hidden) return;
    running = true;
    try {
      await work();
    } finally {
      running = false;
      timer = setTimeout(once, everyMs);
    }
  }
  document.addEventListener("visibilitychange", once);
  once();
}
