/** How the people of a visit are called. */

import type { PatientWords } from "./strings";
import type { Person, Seat, Visit } from "./shapes";

export function seatName(seat: Seat, words: PatientWords): string {
  return seat.name ?? words.roles[seat.role];
}

/** The clinician whose visit it is. */
export function leadOf(visit: Visit): Seat | null {
  return visit.seats.find(({ role }) => role === "clinician") ?? null;
}

export function leadName(visit: Visit, words: PatientWords): string {
  const lead = leadOf(visit);
  return lead === null ? words.roles.clinician : seatName(lead, words);
}

export function withThird(visit: Visit): boolean {
  return visit.seats.some(
    ({ role, state }) => (role === "interpreter" || role === "caregiver") && state !== "removed",
  );
}

export function isOver(visit: Visit): boolean {
  return visit.phase === "ended" || visit.phase === "closed";
}

/** A person in a sentence, at its beginning. */
export function whoText(person: Person, words: PatientWords, me: string): string {
  if (person.id === me) return words.seen.you;
  if (person.name !== null) return person.name;
  if (person.kind === "device") return words.seen.device;
  if (person.kind === "organisation" || person.kind === "node" || person.kind === "system")
    return words.seen.clinic;
  const role = person.roles[0];
  return role === undefined ? words.seen.somebody : words.seen.somebodyAs(roleText(role, words));
}

export function roleText(role: string, words: PatientWords): string {
  return (words.staff as Record<string, string>)[role] ?? role.replaceAll("-", " ");
}
