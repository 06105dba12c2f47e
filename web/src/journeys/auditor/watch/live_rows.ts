/**
 * Rows as they come in: shown at once, or held while the reader paused, never more than a page can carry.
 *
 * Guarantees: rows stand newest first and each once; what was too much is counted, so that the page can say that a
 * search finds it. Start at `LiveRows`.
 */

import type { Row } from "../shapes";

/** More than anybody reads before the page is loaded again. */
export const ROWS_MAX = 400;

export interface LiveView {
  /** Newest first. */
  rows: readonly Row[];
  /** Came in while it was paused. */
  held: readonly Row[];
  paused: boolean;
  /** Too many at once to be told, or to be kept here. */
  skipped: number;
}

const NOTHING: LiveView = { rows: [], held: [], paused: false, skipped: 0 };

export class LiveRows {
  readonly #listeners = new Set<() => void>();
  #view: LiveView = NOTHING;

  get view(): LiveView {
    return this.#view;
  }

  /** Rows of one frame, oldest first, and how many more there were. */
  take(rows: readonly Row[], skipped = 0): void {
    const known = this.#view.paused ? this.#view.held : this.#view.rows;
    const { kept, dropped } = joined(rows, known);
    const lost = this.#view.skipped + skipped + dropped;
    this.#set({ ...this.#view, [this.#view.paused ? "held" : "rows"]: kept, skipped: lost });
  }

  pause(): void {
    this.#set({ ...this.#view, paused: true });
  }

  /** Show what was held, and go on. */
  resume(): void {
    const { held, rows, skipped } = this.#view;
    const { kept, dropped } = joined([...held].reverse(), rows);
    this.#set({ rows: kept, held: [], paused: false, skipped: skipped + dropped });
  }

  /** A search has just read all there is: what came before it is on its page. */
  restart(): void {
    this.#set({ ...NOTHING, paused: this.#view.paused });
  }

  clear(): void {
    this.#set(NOTHING);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #set(view: LiveView): void {
    this.#view = view;
    this.#listeners.forEach((listener) => listener());
  }
}

function joined(news: readonly Row[], known: readonly Row[]): { kept: Row[]; dropped: number } {
  const positions = new Set(known.map((row) => row.position));
  const fresh = news.filter((row) => !positions.has(row.position)).reverse();
  const all = [...fresh, ...known];
  return { kept: all.slice(0, ROWS_MAX), dropped: Math.max(0, all.length - ROWS_MAX) };
}
