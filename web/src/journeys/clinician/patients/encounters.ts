/** A record as a timeline: the pieces of each visit together. */

import type { RecordItem } from "~/record";

export interface Encounter {
  visit: string | null;
  items: RecordItem[];
  readings: RecordItem[];
}

/** By visit, newest first; what belongs to no visit stands together where its newest piece stands. */
export function byEncounter(items: readonly RecordItem[]): Encounter[] {
  const groups = new Map<string, Encounter>();
  for (const item of items) {
    const key = item.visit ?? "";
    const group = groups.get(key) ?? { visit: item.visit, items: [], readings: [] };
    groups.set(key, group);
    (item.reading === null ? group.items : group.readings).push(item);
  }
  return [...groups.values()];
}

/** When a visit began, as far as its pieces say. */
export function firstAt({ items, readings }: Encounter): string {
  const times = [...items, ...readings].map(({ at }) => at).sort();
  return times[0] ?? "";
}
