/**
 * Names that were looked up here, so that the sentence can say them again; in memory alone, and dropped with the
 * watch. An address holds the id only.
 */

import type { Person, Row } from "../shapes";
import { keeperOf } from "../watch/keepers";
import { shortId } from "../words";

const known = new Map<string, string>();
keeperOf("log").onEnd(() => known.clear());

export function noteName(actor: string, name: string): void {
  known.set(actor, name);
}

/** What to call `id` in the sentence. */
export function labelOf(id: string, rows: readonly Row[], who: (person: Person) => string): string {
  const listed = rows.flatMap((row) => [row.actor, row.subject]).find((person) => person?.id === id);
  return known.get(id) ?? (listed === undefined || listed === null ? shortId(id) : who(listed));
}

/** Each person once, in their order. */
export function distinct(people: readonly Person[]): Person[] {
  return [...new Map(people.map((person) => [person.id, person])).values()];
}
