/** What the node says of a person's record: `GET /v1/app/records/{person}` (docs/spec/compliance.md). */

import type { Level } from "~/components";

export interface Person {
  id: string;
  kind: string;
  roles: string[];
  name: string | null;
}

export interface ReadingLine {
  device: Person;
  kind: string;
  count: number;
  from: string;
  to: string;
}

export type RecordRole = "summary" | "recording" | "note" | "record" | "reading";
export type RecordWhy = "owner" | "subject" | "reader" | "token" | "emergency";

/** One sealed piece: what is known of it without opening it. */
export interface RecordItem {
  object: string;
  media_type: string;
  size: number;
  at: string;
  /** Where its sealing stands on the ledger. */
  position: number | null;
  level: Level | null;
  owner: Person;
  visit: string | null;
  role: RecordRole | null;
  reading: ReadingLine | null;
  readers: Person[];
  /** By what the one who looks may read it. */
  why: RecordWhy;
  token: string | null;
  token_until: string | null;
  token_by: Person | null;
  /** Of one's own record: by which grants others may read it now. */
  permitted: { token: string; person: Person | null; members: number | null; until: string }[];
}

export interface RecordPage {
  now: string;
  person: Person;
  items: RecordItem[];
  before: string | null;
}

export type Purpose = "treatment" | "payment" | "operations" | "patient-request" | "emergency";
