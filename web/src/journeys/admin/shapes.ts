/** What the node answers below `/v1/app/admin`, as these pages read it. */

import type { Look, Person, PolicyText } from "../auditor/shapes";

export interface PersonLine extends Person {
  state: "active" | "paused" | "suspended" | "retired";
  registered_at: string;
  key_id: string;
  passkeys: number;
}

export interface PeopleAnswer {
  look: Look;
  people: PersonLine[];
  /** Asks for the next page; empty on the last. */
  after: string;
}

export interface RolesAnswer {
  look: Look;
  roles: { role: string; people: Person[] }[];
  groups: RoleGroup[];
}

/** A group by which a role is given and taken. */
export interface RoleGroup {
  group: string;
  role: string;
  keeper: Person;
  members: Person[];
  /** Only the organisation says who has it. */
  reserved: boolean;
}

export interface InvitationLine {
  invitation: string;
  invited: Person;
  inviter: Person;
  roles: string[];
  expires_at: string;
}

export interface InvitationsAnswer {
  look: Look;
  invitations: InvitationLine[];
  after: string;
}

export interface Device {
  device: string;
  owner: Person;
  model: string;
  maker: string;
  firmware: string | null;
  state: string;
  connected_at: string | null;
  channel: string | null;
}

export interface DevicesAnswer {
  look: Look;
  devices: Device[];
  after: string;
}

export interface Slot {
  slot: "base" | "rules";
  actor: Person | null;
  digest: string;
  shipped: boolean;
  policies: PolicyText[];
  text: string | null;
}

export interface PoliciesAnswer {
  look: Look;
  slots: Slot[];
}

export interface PolicyCheck {
  ok: boolean;
  ids: string[];
  policies: { id: string; effect: "permit" | "forbid"; words: string }[];
  code: string;
  message: string;
  hint: string;
}

export interface Run {
  position: number;
  at: string;
  trigger: string;
  outcome: "executed" | "failed";
  cause: string;
}

export interface ContractLine {
  contract: string;
  name: string;
  version: number;
  state: string;
  deployed_by: Person;
  runs: number;
  failed: number;
  dead: number;
  alerts: number;
  last: Run | null;
}

export interface ContractsAnswer {
  look: Look;
  contracts: ContractLine[];
}

export interface ContractAnswer {
  look: Look;
  contract: ContractLine;
  runs: Run[];
  dead: { execution: number; index: number; code: string }[];
  alerts: {
    alert: string;
    level: string;
    code: string;
    about: string[];
    raised_at: string;
    acknowledged_by: Person | null;
    acknowledged_at: string | null;
  }[];
}

export interface Connector {
  name: string;
  kind: string;
  waiting: number;
  oldest_execution: number | null;
  attempts_max: number;
}

export interface ConnectorsAnswer {
  look: Look;
  connectors: Connector[];
  triggers_waiting: number;
  sends_waiting: number;
  dead: number;
}

export interface Peer {
  name: string;
  organisation: string;
  role: string;
  acknowledged: number;
  behind: number;
  answered_at: string | null;
  fault: string;
  says: string;
}

export interface Anchor {
  network: string;
  size: number;
  phase: string;
  says: string;
  begun_at: string;
  done_at: string | null;
  cost: string | null;
}

export interface Health {
  look: Look;
  at: string;
  status: "ok" | "stalled" | "halted";
  origin: string;
  entries: number;
  queued: number;
  queue_max: number;
  checkpoint: { size: number; signed_at: string; age_seconds: number; waiting: number } | null;
  writer: { per_second: number; last_at: string | null };
  index: { indexed: number; behind: number };
  peers: Peer[];
  anchors: Anchor[];
  storage: { what: string; bytes: number | null; free_bytes: number | null }[];
  devices: { enrolled: number; connected_lately: number; quarantined: number; revoked: number };
  alarms: number;
  dead: number;
  sessions: number | null;
}
