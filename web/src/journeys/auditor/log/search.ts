/**
 * One search of the log and its further pages, kept while its watch lives, so that whoever comes back from an entry
 * finds the list as it was and no page is looked at twice.
 *
 * Guarantees: an answer to an older question never replaces a newer one; a search that finds little goes on for some
 * pages by itself, and says how far it came. Start at `LogSearch`.
 */

import { asApiError, type ApiError } from "~/session";
import type { LogPageAnswer, Row } from "../shapes";

export type AskPage = (query: Record<string, string | null>) => Promise<LogPageAnswer>;

export interface SearchState {
  /** What was asked for; null before. */
  key: string | null;
  phase: "loading" | "ready" | "error";
  rows: readonly Row[];
  /** Where the next page begins; null on the last. */
  before: number | null;
  more: boolean;
  error: ApiError | null;
  size: number;
  indexed: number;
  at: number | null;
}

/** Pages that hold nothing and name where to go on: so many are followed without being told to. */
const EMPTY_PAGES_MAX = 4;

const NOTHING: SearchState = {
  key: null,
  phase: "loading",
  rows: [],
  before: null,
  more: false,
  error: null,
  size: 0,
  indexed: 0,
  at: null,
};

export class LogSearch {
  readonly #listeners = new Set<() => void>();
  #state: SearchState = NOTHING;
  #query: Record<string, string | null> = {};
  #ask: AskPage = () => Promise.reject(new Error("no search was begun"));
  #round = 0;

  get state(): SearchState {
    return this.#state;
  }

  /** Search for `query`; nothing is asked where `key` is what is shown already. */
  begin(key: string, query: Record<string, string | null>, ask: AskPage): void {
    if (key === this.#state.key && this.#state.phase !== "error") return;
    this.#query = query;
    this.#ask = ask;
    this.#set({ ...NOTHING, key });
    void this.#load(null);
  }

  loadMore(): void {
    const { before, more } = this.#state;
    if (before === null || more) return;
    this.#set({ ...this.#state, more: true });
    void this.#load(before);
  }

  clear(): void {
    this.#round += 1;
    this.#set(NOTHING);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #load(from: number | null): Promise<void> {
    const mine = ++this.#round;
    let before = from;
    try {
      for (let page = 0; page < EMPTY_PAGES_MAX; page += 1) {
        const found = await this.#ask({ ...this.#query, before: before === null ? null : String(before) });
        if (mine !== this.#round) return;
        this.#add(found);
        before = found.before;
        if (before === null || found.rows.length > 0) break;
      }
      this.#set({ ...this.#state, phase: "ready", more: false });
    } catch (thrown) {
      if (mine !== this.#round) return;
      this.#set({ ...this.#state, phase: "error", more: false, error: asApiError(thrown) });
    }
  }

  #add({ rows, before, size, indexed }: LogPageAnswer): void {
    const all = [...this.#state.rows, ...rows];
    this.#set({ ...this.#state, rows: all, before, size, indexed, error: null, at: Date.now() });
  }

  #set(state: SearchState): void {
    this.#state = state;
    this.#listeners.forEach((listener) => listener());
  }
}
