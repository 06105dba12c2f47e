/** What the node's views say to a patient (docs/spec/visits.md, compliance.md). */

import type { Person, RecordWhy } from "~/record";

export type { Person, RecordWhy };

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
  checks: {
    camera: "ok" | "refused" | "missing" | "failed" | "untested";
    microphone: "ok" | "refused" | "missing" | "failed" | "untested";
    speaker: "ok" | "refused" | "missing" | "failed" | "untested";
    network: "good" | "fair" | "poor" | "untested";
  } | null;
  identity: null | "presented" | "confirmed";
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
  missing: string[];
  room: { participants: string[] };
  recording: {
    permitted: boolean;
    running: boolean;
    object: string | null;
    started_at: string | null;
    lacking: string[];
  };
  summary: string | null;
  objects: { object: string; role: string }[];
  entries: number;
}

export interface VisitList {
  now: string;
  visits: Visit[];
  next: string | null;
}

export interface VisitShown {
  now: string;
  visit: Visit;
}

export interface ConsentText {
  kind: ConsentKind;
  language: string;
  digest: string;
  text: string;
}

/** One line of who saw what. */
export interface Seen {
  position: number;
  at: string;
  who: Person;
  organisation: string;
  what: string;
  thing: string;
  resource: string;
  purpose: string | null;
  allowed: boolean;
  emergency: boolean;
  why: string;
  token: string | null;
  grantor: Person | null;
  granted_at: string | null;
  done: string | null;
  recipient: string | null;
  sentence: string;
}

export interface SeenPage {
  look: { position: number; at: string };
  organisation: string;
  size: number;
  indexed: number;
  rows: Seen[];
  before: number | null;
}

export interface MyToken {
  token: string;
  standing: string;
  lives: boolean;
  grantor: Person;
  recipient: { kind: "actor" | "group"; person: Person | null; group: string | null; members: number | null };
  actions: string[];
  purposes: string[];
  things: string[];
  role: string | null;
  not_before: string;
  not_after: string;
  revocable: boolean;
  may_revoke: boolean;
  delegated: number;
  sentence: string;
}

export interface MyTokens {
  tokens: MyToken[];
  after: string;
}

export interface OwnDevice {
  device: Person;
  model: string;
  maker: string;
  state: string;
  connected_at: string | null;
}

export type { Block } from "~/ledger/blocks";
