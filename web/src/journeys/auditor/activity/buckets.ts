/** Hours gathered into the steps of a plot, with those in which nothing happened. Start at `gather`. */

import type { Hour } from "../shapes";

export const ACTIVITY_SPANS = ["day", "week", "month"] as const;
export type ActivitySpan = (typeof ACTIVITY_SPANS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const SPAN_MS: Record<ActivitySpan, number> = { day: DAY_MS, week: 7 * DAY_MS, month: 31 * DAY_MS };
/** About thirty bars at most, whatever the span: more cannot be told apart on a phone. */
export const STEP_MS: Record<ActivitySpan, number> = { day: HOUR_MS, week: 6 * HOUR_MS, month: DAY_MS };

export interface Bucket {
  /** When it begins, ms since 1970. */
  x: number;
  entries: number;
  decisions: number;
  denied: number;
  emergencies: number;
}

/** The whole hour that `ms` is in. */
export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}

/** Buckets of `stepMs` that end with the hour of `untilMs`; each hour is in exactly one. */
export function gather(
  hours: readonly Hour[],
  { untilMs, spanMs, stepMs }: { untilMs: number; spanMs: number; stepMs: number },
): Bucket[] {
  const end = hourOf(untilMs) + HOUR_MS;
  const count = Math.ceil(spanMs / stepMs);
  const start = end - count * stepMs;
  const buckets = Array.from({ length: count }, (_, at) => empty(start + at * stepMs));
  for (const hour of hours) {
    const bucket = buckets[Math.floor((Date.parse(hour.at) - start) / stepMs)];
    if (bucket === undefined) continue;
    bucket.entries += hour.entries;
    bucket.decisions += hour.decisions;
    bucket.denied += hour.denied;
    bucket.emergencies += hour.emergencies;
  }
  return buckets;
}

export function total(buckets: readonly Bucket[]): Omit<Bucket, "x"> {
  const sum = empty(0);
  for (const bucket of buckets) {
    sum.entries += bucket.entries;
    sum.decisions += bucket.decisions;
    sum.denied += bucket.denied;
    sum.emergencies += bucket.emergencies;
  }
  return sum;
}

function empty(x: number): Bucket {
  return { x, entries: 0, decisions: 0, denied: 0, emergencies: 0 };
}
