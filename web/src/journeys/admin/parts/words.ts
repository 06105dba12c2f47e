/** What to call somebody here: whoever administers may have everybody's name. */

import type { Person } from "../../auditor/shapes";
import type { useAdminStrings } from "../strings";

type Kinds = ReturnType<typeof useAdminStrings>["kinds"];

export function nameOf(person: Person, kinds: Kinds): string {
  if (person.kind === "node") return kinds.node;
  return person.name ?? `${kinds[person.kind]} …${person.id.slice(-6)}`;
}
