/** What to call somebody here: whoever administers may have everybody's name. */

import type { Person } from "../../auditor/shapes";
import type { useAdminStrings } from "../strings";

/** The word for whether an actor acts, by its state: a pause is lifted, lost keys are replaced. */
export function actorState(state: string): string {
  return { paused: "outFor", suspended: "keysLost" }[state] ?? state;
}

type Kinds = ReturnType<typeof useAdminStrings>["kinds"];

export function nameOf(person: Person, kinds: Kinds): string {
  if (person.kind === "node") return kinds.node;
  return person.name ?? `${kinds[person.kind]} …${person.id.slice(-6)}`;
}
