/** What the node answers below `/v1/app/audit` and `/v1/app/monitor`, as these pages read it. */

import type { Level } from "~/components";

export interface Person {
  id: string;
  kind: "person" | "organisation" | "system" | "device" | "node" | "root" | "unknown";
  roles: string[];
  /** null: nobody gave one, or the reader may not have it (patients are ids here). */
  name: string | null;
}

/** One entry in a list; from `action` on it is null, or empty, unless it is a decision. */
export interface Row {
  position: number;
  at: string;
  type: string;
  /** What its actor did, in English; other languages go by `type`. */
  words: string;
  stream: string;
  n: number;
  actor: Person;
  subject: Person | null;
  action: string | null;
  resource: string | null;
  visit: string | null;
  purpose: string | null;
  outcome: "allow" | "deny" | null;
  rule: string | null;
  reasons: string[];
  break_glass: string | null;
  done: string | null;
  recipient: string | null;
}

/** The entry that says that this page was looked at. */
export interface Look {
  position: number;
  at: string;
}

export interface LogPageAnswer {
  look: Look;
  organisation: string;
  size: number;
  indexed: number;
  rows: Row[];
  before: number | null;
}

export interface Block {
  first: number;
  size: number;
  entries: number;
  signed_at: string;
  level: Level;
  missing: string;
  cosigned_by: string[];
  anchored_in: string[];
  ms_to_level: Record<string, number>;
}

export interface Blocks {
  origin: string;
  networked: boolean;
  blocks: Block[];
}

export interface Entry {
  look: Look;
  row: Row;
  body: Record<string, unknown>;
  id: string;
  salt: string;
  evidence: string | null;
  documents: { digest: string; bytes: number | null }[];
  block: Block | null;
  proof: string;
}

export interface PolicyText {
  id: string;
  effect: "permit" | "forbid";
  words: string;
  text: string;
}

export interface Decision {
  look: Look;
  row: Row;
  decision: string;
  standing: boolean;
  policies: PolicyText[];
  failed: string[];
  receipt: { digest: string; kept: boolean };
  documents: { what: string; digest: string; bytes: number | null }[];
  inputs: { entities: unknown; request: unknown } | null;
  block: Block | null;
}

export interface Side {
  outcome: "allow" | "deny";
  reasons: string[];
  failed: string[];
}

export interface Replay {
  look: Look;
  recorded: Side | null;
  replayed: Side | null;
  same: boolean;
  /** A code; empty when there was none. */
  fault: string;
  message: string;
  policies: string[];
  milliseconds: number;
}

export interface Hour {
  at: string;
  entries: number;
  decisions: number;
  denied: number;
  emergencies: number;
}

export interface Words {
  types: { type: string; words: string }[];
  actions: string[];
  purposes: string[];
  outcomes: string[];
}

export interface Finding {
  thread: string;
  message: string;
  version: number;
  at: string;
  sender: Person;
  verdict: "flag" | "hold";
  codes: string[];
  state: string;
}

export interface ExportMade {
  share: string;
  file: string;
  bytes: number;
  entries: number;
  command: { type: string; body: Record<string, unknown> };
}

/** Decisions are the two types of entries that have a rule, inputs, and can be decided again. */
export function isDecision(type: string): boolean {
  return type === "access.decided/1" || type === "access.standing/1";
}
