/** What the node's view says to a person of its factors (docs/spec/compliance.md, Records). */

import type { Person } from "~/record";
import type { Group } from "../model";

export interface OwnCredential {
  credential: string;
  digest: string;
  group: Group;
  issuer: Person | null;
  did: string;
  state: "active" | "suspended" | "revoked" | "expired" | "distrusted";
  verified_at: string;
  expires_at: string;
  /** It can be collected now. */
  waits: boolean;
}

export interface OwnRequest {
  presentation: string;
  verifier: Person;
  expires_at: string;
}

export interface OwnFactors {
  now: string;
  credentials: OwnCredential[];
  requests: OwnRequest[];
}
