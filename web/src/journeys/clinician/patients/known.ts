/** The patients of one's visits, each once, with the last time. */

import { patientOf, type Visit } from "../shapes";

export interface KnownPatient {
  actor: string;
  name: string | null;
  lastAt: string;
  visits: number;
}

export function patientsIn(visits: readonly Visit[]): KnownPatient[] {
  const found = new Map<string, KnownPatient>();
  for (const visit of visits) {
    const seat = patientOf(visit);
    if (seat === undefined) continue;
    const at = visit.starts_at ?? visit.opened_at;
    const known = found.get(seat.actor);
    found.set(seat.actor, {
      actor: seat.actor,
      name: known?.name ?? seat.name,
      lastAt: known !== undefined && known.lastAt > at ? known.lastAt : at,
      visits: (known?.visits ?? 0) + 1,
    });
  }
  return [...found.values()].sort((a, b) => (a.lastAt < b.lastAt ? 1 : -1));
}
