/** Rows for tests. */

import type { Row } from "./shapes";

export const ME = "0198c0de-0000-7000-8000-000000000001";
export const PATIENT = "0198c0de-0000-7000-8000-000000000002";

/** A decision about a patient, changed as a test wants it. */
export function rowOf(position: number, part: Partial<Row> = {}): Row {
  return {
    position,
    at: "2026-05-03T10:00:00.000Z",
    type: "access.decided/1",
    words: "asked for access",
    stream: `access/${position}`,
    n: 0,
    actor: { id: ME, kind: "person", roles: ["clinician"], name: "Dr. Osei" },
    subject: { id: PATIENT, kind: "person", roles: [], name: null },
    action: "read",
    resource: "object/0198c0de-0000-7000-8000-000000000003",
    visit: null,
    purpose: "treatment",
    outcome: "allow",
    rule: "is listed as a reader of it",
    reasons: ["base:reader"],
    break_glass: null,
    done: null,
    recipient: null,
    ...part,
  };
}
