/** Visits as the node shows them to whoever has a seat: `GET /v1/app/queue`, `/v1/app/visits…`. */

export type SeatRole = "patient" | "clinician" | "colleague" | "interpreter" | "caregiver";
export type SeatState = "expected" | "checked-in" | "waiting" | "admitted" | "left" | "removed";
export type ConsentKind = "visit" | "recording" | "sharing";
export type Phase = "opened" | "scheduled" | "underway" | "ended" | "closed";

export interface Given {
  text: string;
  language: string;
  at: string;
}

export interface Seat {
  actor: string;
  name: string | null;
  role: SeatRole;
  state: SeatState;
  since: string;
  checks: { camera: string; microphone: string; speaker: string; network: string } | null;
  identity: "presented" | "confirmed" | null;
  /** By which they showed who they are; told to those who may read it. */
  presentation: string | null;
  consents: Record<ConsentKind, Given | null>;
}

export interface Visit {
  visit: string;
  phase: Phase;
  outcome: "completed" | "cancelled" | "missed" | null;
  starts_at: string | null;
  minutes: number | null;
  opened_at: string;
  seats: Seat[];
  mine: Seat | null;
  position: number | null;
  ahead: number | null;
  /** What is lacking before the patient is let in. */
  missing: string[];
  room: { epoch: number; epoch_needed: boolean; key_maker: string | null; participants: string[] };
  recording: {
    permitted: boolean;
    running: boolean;
    object: string | null;
    started_at: string | null;
    lacking: string[];
  };
  summary: string | null;
  objects: { object: string; role: "note" | "recording" | "record" | "summary" }[];
  entries: number;
}

export interface Queue {
  now: string;
  waiting: Visit[];
  today: Visit[];
}

export interface VisitShown {
  now: string;
  visit: Visit;
}

export interface VisitList {
  now: string;
  visits: Visit[];
  next: string | null;
}

export interface ConsentText {
  kind: ConsentKind;
  language: string;
  digest: string;
  text: string;
}

export function patientOf(visit: Visit): Seat | undefined {
  return visit.seats.find(({ role }) => role === "patient");
}

/** Those who count for the visit: whoever was removed is gone. */
export function presentSeats(visit: Visit): Seat[] {
  return visit.seats.filter(({ state }) => state !== "removed");
}

export function isThird({ role }: Seat): boolean {
  return role === "interpreter" || role === "caregiver";
}

export function isLive({ phase }: Visit): boolean {
  return phase === "opened" || phase === "scheduled" || phase === "underway";
}

/** Whether the rules of the visit would let this participant in now. */
export function lacksConsent(visit: Visit, seat: Seat): ConsentKind | null {
  const given = patientOf(visit)?.consents;
  if (seat.role === "patient") return given?.visit == null ? "visit" : null;
  return isThird(seat) && given?.sharing == null ? "sharing" : null;
}
