/**
 * The patients whom a clinician knows, each once: those of their visits, of their conversations, and who gave them a
 * permission. Names are those that the node shows them there already; nobody else is looked up.
 */

import { patientOf, type Visit } from "../shapes";

export interface KnownPatient {
  actor: string;
  name: string | null;
  /** Their latest visit; null for who never had one with this clinician. */
  lastAt: string | null;
  visits: number;
}

/** Somebody known from elsewhere than a visit. */
export type Named = Pick<KnownPatient, "actor" | "name">;

export function patientsIn(visits: readonly Visit[]): KnownPatient[] {
  const found = new Map<string, KnownPatient & { lastAt: string }>();
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

/** The same, and after them who is known from elsewhere, by name. */
export function withOthers(known: readonly KnownPatient[], others: readonly Named[]): KnownPatient[] {
  const there = new Map(known.map((one) => [one.actor, one]));
  const names = new Map(others.map(({ actor, name }) => [actor, name]));
  const named = known.map((one) => ({ ...one, name: one.name ?? names.get(one.actor) ?? null }));
  const more = new Map<string, KnownPatient>();
  for (const { actor, name } of others)
    if (!there.has(actor))
      more.set(actor, { actor, name: more.get(actor)?.name ?? name, lastAt: null, visits: 0 });
  return [...named, ...[...more.values()].sort((a, b) => (a.name ?? "~").localeCompare(b.name ?? "~"))];
}

/** Those of whose names each word that is sought begins a word, whatever its case and accents. */
export function findPatients<P extends Named>(patients: readonly P[], sought: string): P[] {
  const wanted = wordsOf(sought);
  return patients.filter(({ name }) => {
    const words = wordsOf(name ?? "");
    return wanted.every((one) => words.some((word) => word.startsWith(one)));
  });
}

function wordsOf(text: string): string[] {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
}
