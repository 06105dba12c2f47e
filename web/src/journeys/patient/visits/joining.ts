/** Which step of joining one is at: pure, from what the node says and what was done on this page. */

import type { ConsentKind, Visit } from "../shapes";

export const JOIN_STEPS = ["test", "consents", "identity", "wait"] as const;
export type JoinStep = (typeof JOIN_STEPS)[number];

/** Where one begins: whoever checked in before (a reload) is not tested again. */
export function firstStep(visit: Visit): JoinStep {
  const mine = visit.mine;
  if (mine === null || mine.state !== "checked-in") return "test";
  return mine.role === "patient" && mine.consents.visit === null ? "consents" : "identity";
}

/** Whether each consent was answered, and the one that the visit needs was given. */
export function mayGoOn(
  visit: Visit,
  kinds: readonly ConsentKind[],
  said: Partial<Record<ConsentKind, boolean>>,
): boolean {
  const given = (kind: ConsentKind) => (visit.mine?.consents[kind] ?? null) !== null;
  const needed = visit.mine?.role === "patient" ? given("visit") : true;
  return needed && kinds.every((kind) => given(kind) || said[kind] !== undefined);
}
