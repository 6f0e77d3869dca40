// @ts-check
// Going through the terminal's entries by keys.

/** @type {Record<string, number>} */
const STEPS = { PageDown: 1, PageUp: -1, j: 1, k: -1 };

/**
 * Steps from entry to entry; Escape goes to `home`.
 * @param {HTMLElement} scroller
 * @param {HTMLElement} home
 */
export function listenToKeys(scroller, home) {
  scroller.addEventListener("keydown", (event) => {
    const articles = [...scroller.querySelectorAll("article")];
    const at = articles.findIndex((article) => article.contains(document.activeElement));
    const step = STEPS[event.key];
    if (event.key === "Escape" && at >= 0) return home.focus();
    if (!step || event.ctrlKey || event.metaKey) return;
    const to = at < 0 ? articles.at(step > 0 ? 0 : -1) : articles[at + step];
    if (!to) return;
    event.preventDefault();
    to.focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest" });
  });
}
