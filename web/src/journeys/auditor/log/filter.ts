/**
 * What the log is searched for: read from the address and written to it, asked of the node, and held against rows
 * that come in live.
 *
 * Guarantees: an address holds ids and words of ours alone, never a name; what is no sound value in it is left out.
 */

import type { Row } from "../shapes";

export const SPANS = ["1h", "24h", "7d", "30d", "90d", "all"] as const;
export type Span = (typeof SPANS)[number];

export interface LogFilter {
  /** `access.decided/1`; null is everything. */
  type: string | null;
  action: string | null;
  /** Who acted. */
  person: string | null;
  /** About whom. */
  subject: string | null;
  visit: string | null;
  purpose: string | null;
  outcome: "allow" | "deny" | null;
  /** Until now; not looked at where `since` or `until` is given. */
  last: Span;
  since: string | null;
  until: string | null;
}

export const ACCESSES = "access.decided/1";

export const NO_FILTER: LogFilter = {
  type: null,
  action: null,
  person: null,
  subject: null,
  visit: null,
  purpose: null,
  outcome: null,
  last: "24h",
  since: null,
  until: null,
};

const HOUR_MS = 3_600_000;
const SPAN_MS: Record<Exclude<Span, "all">, number> = {
  "1h": HOUR_MS,
  "24h": 24 * HOUR_MS,
  "7d": 7 * 24 * HOUR_MS,
  "30d": 30 * 24 * HOUR_MS,
  "90d": 90 * 24 * HOUR_MS,
};

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TYPE = /^[a-z][a-z0-9.-]{0,60}\/[1-9][0-9]*$/;
const WORD = /^[a-z][a-z-]{0,31}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

export function isId(text: string): boolean {
  return ID.test(text);
}

/** Read the filter of an address; unsound parts are left out. */
export function readFilter(query: URLSearchParams): LogFilter {
  const taken = (name: string, form: RegExp) => {
    const text = query.get(name);
    return text !== null && form.test(text) ? text : null;
  };
  const outcome = query.get("outcome");
  const last = query.get("last");
  return {
    type: taken("type", TYPE),
    action: taken("action", WORD),
    person: taken("person", ID),
    subject: taken("subject", ID),
    visit: taken("visit", ID),
    purpose: taken("purpose", WORD),
    outcome: outcome === "allow" || outcome === "deny" ? outcome : null,
    last: SPANS.find((span) => span === last) ?? NO_FILTER.last,
    since: taken("since", INSTANT),
    until: taken("until", INSTANT),
  };
}

/** The place of the log with this filter; what is as by default is left out. */
export function placeOf(filter: Partial<LogFilter>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== null && value !== NO_FILTER[name as keyof LogFilter]) query.set(name, value);
  }
  return query.size === 0 ? "/auditor" : `/auditor?${query}`;
}

/** The query of `/v1/app/audit/search`. */
export function queryOf(filter: LogFilter, nowMs: number): Record<string, string | null> {
  const { type, action, person, subject, visit, purpose, outcome } = filter;
  return { type, action, person, subject, visit, purpose, outcome, ...timesOf(filter, nowMs) };
}

/** From when to when, as instants; null is open. */
export function timesOf(filter: LogFilter, nowMs: number): { since: string | null; until: string | null } {
  const { since, until, last } = filter;
  if (since !== null || until !== null) return { since, until };
  if (last === "all") return { since: null, until: null };
  return { since: new Date(nowMs - SPAN_MS[last]).toISOString(), until: null };
}

/** Whether nothing that happens from now on can be of this filter. */
export function isPast({ until }: LogFilter, nowMs: number): boolean {
  return until !== null && Date.parse(until) <= nowMs;
}

/** Whether a row that came in live is one that this filter asks for. */
export function matches(filter: LogFilter, row: Row): boolean {
  const at = (time: string | null) => (time === null ? null : Date.parse(time));
  const [since, until, then] = [at(filter.since), at(filter.until), Date.parse(row.at)];
  return (
    agrees(filter.type, row.type) &&
    agrees(filter.action, row.action) &&
    agrees(filter.person, row.actor.id) &&
    agrees(filter.subject, row.subject?.id ?? null) &&
    (filter.visit === null || row.visit === filter.visit || row.stream === `visit/${filter.visit}`) &&
    agrees(filter.purpose, row.purpose) &&
    agrees(filter.outcome, row.outcome) &&
    (since === null || then >= since) &&
    (until === null || then < until)
  );
}

function agrees(wanted: string | null, found: string | null): boolean {
  return wanted === null || wanted === found;
}
