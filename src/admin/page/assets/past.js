// @ts-check
// The past of one view, read page by page from the newest on.

import { isFinal } from "./live.js";

const RETRY_MS = 2000;

export class Past {
  /**
   * @param {(before: string | null) => Promise<Page>} ask
   * @param {{page: (page: Page) => void, changed: () => void}} told
   */
  constructor(ask, told) {
    this.ask = ask;
    this.told = told;
    this.closed = false;
    this.reading = false;
    /** Whether a page was read. */
    this.begun = false;
    /** Where the next page begins; none where there is nothing older. @type {string | null} */
    this.next = null;
    /** @type {string | null} */
    this.searchedTo = null;
    /** Why it cannot be read. @type {unknown} */
    this.problem = null;
  }

  /** Whether there may be something that was not read. */
  get more() {
    return !this.begun || this.next !== null;
  }

  /** Reads the next page, and tries again by itself where that may help. */
  async read() {
    if (this.reading || this.closed || !this.more) return;
    this.reading = true;
    this.told.changed();
    try {
      const page = await this.ask(this.next);
      if (this.closed) return;
      [this.begun, this.problem] = [true, null];
      [this.next, this.searchedTo] = [page.next_before, page.searched_to];
      this.told.page(page);
    } catch (problem) {
      if (this.closed) return;
      this.problem = problem;
      if (!isFinal(problem)) setTimeout(() => this.read(), RETRY_MS);
    } finally {
      this.reading = false;
      if (!this.closed) this.told.changed();
    }
  }

  /** Reads the first page unless that was done. */
  begin() {
    if (!this.begun) this.read();
  }

  /** What is older than this entry is to be read again. @param {Entry} oldest */
  goOnFrom(oldest) {
    this.next = oldest.cursor;
  }

  close() {
    this.closed = true;
  }
}
