/** Threads and messages as the node's views show them: everything but the content, which is sealed. */

export interface Member {
  actor: string;
  name: string | null;
  role: string;
}

export type Urgency = "routine" | "urgent" | "critical";

export interface ThreadView {
  thread: string;
  state: "open" | "archived";
  subject: string | null;
  subject_name: string | null;
  members: Member[];
  monitor: { actor: string; mode: "watch" | "screen" } | null;
  /** A legal hold is on it. */
  held: boolean;
  retention_days: number | null;
  unread: number;
  undelivered: number;
  /** The highest among what is unread; empty when nothing is. */
  urgency: string;
  opened_at: string;
  last_at: string;
  /** Whether this reader may remove others. */
  removes: boolean;
}

export interface Receipt {
  actor: string;
  version: number;
  delivered_at: string | null;
  read_at: string | null;
}

export interface Addressed {
  actor: string;
  key: string;
  role: string;
}

export interface MessageView {
  message: string;
  version: number;
  sender: string;
  sender_name: string | null;
  at: string;
  edited_at: string | null;
  urgency: Urgency;
  /** The digest of the envelope's bytes. */
  envelope: string;
  size: number;
  recipients: Addressed[];
  attachments: { object: string; keep: boolean }[];
  state: "screening" | "sent" | "held" | "recalled" | "expired";
  versions: number;
  verdict: "" | "pass" | "flag" | "hold";
  receipts: Receipt[];
  /** Where the signed header of its first version stands on the ledger. */
  position: number;
}

/** Somebody came, went, or was removed. */
export interface Change {
  position: number;
  at: string;
  what: "added" | "removed" | "left";
  actor: string;
  name: string | null;
  by: string;
  by_name: string | null;
}

export interface ThreadPage {
  thread: ThreadView;
  messages: MessageView[];
  /** In the same part of the thread, newest first. */
  changes: Change[];
  before: number | null;
}

export interface Recipient {
  actor: string;
  name: string | null;
  role: "member" | "monitor";
  key: string;
  kem: string;
}

export interface RecipientList {
  recipients: Recipient[];
  domains: string[];
}

export interface Attached {
  object: string;
  name: string;
  media_type: string;
  size: number;
}

/** What was sealed. */
export interface Content {
  text: string;
  attachments: Attached[];
  reply_to: string | null;
}

/** Whose side of the conversation this is: words and purposes follow it. */
export type Side = "patient" | "clinician";
