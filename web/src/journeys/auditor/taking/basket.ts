/** Entries that were chosen to be taken along; kept while the watch lives, dropped with it. */

import { useSyncExternalStore } from "react";
import type { Row } from "../shapes";
import { keeperOf } from "../watch/keepers";

/** The node makes one file of so many. */
export const CHOSEN_MAX = 1000;

let chosen: ReadonlyMap<number, Row> = new Map();
const listeners = new Set<() => void>();

keeperOf("log").onEnd(() => setChosen(new Map()));

export function useChosen(): ReadonlyMap<number, Row> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => chosen,
  );
}

/** The very first entry is the node's own beginning, which every file has anyway. */
export function canChoose(row: Row): boolean {
  return row.position > 0;
}

export function choose(rows: readonly Row[]): void {
  const all = new Map(chosen);
  for (const row of rows.filter(canChoose)) if (all.size < CHOSEN_MAX) all.set(row.position, row);
  setChosen(all);
}

export function leave(positions: readonly number[]): void {
  const all = new Map(chosen);
  positions.forEach((position) => all.delete(position));
  setChosen(all);
}

export function leaveAll(): void {
  setChosen(new Map());
}

function setChosen(next: ReadonlyMap<number, Row>): void {
  chosen = next;
  listeners.forEach((listener) => listener());
}
