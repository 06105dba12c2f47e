/**
 * Time, as an argument.
 *
 * Whatever needs the time is handed a `Clock`. Instants are integers of milliseconds since 1970-01-01T00:00:00Z inside,
 * and text of one single form outside: `2026-11-22T11:51:15.123Z` (RFC 3339, UTC, three decimals, capital `T` and `Z`).
 *
 * INVARIANT: `formatInstant(parseInstant(text))` is `text` for every text that is accepted.
 */
import { type Said, TelesphorError } from "./errors";

/** Where the time comes from. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. May go backwards when the machine is set right. */
  nowMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { nowMs: () => Date.now() };

/** 9999-12-31T23:59:59.999Z: the last instant whose year has four digits. */
export const INSTANT_MS_MAX = 253_402_300_799_999;

const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

/** Text or a number that is not an instant between 1970 and 9999 in the one accepted form. */
export class InvalidInstant extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("invalid-instant", "invalid", message, said);
  }
}

/** The one spelling of an instant; throws `InvalidInstant` before 1970 and after 9999. */
export function formatInstant(ms: number): string {
  if (!Number.isInteger(ms) || ms < 0 || ms > INSTANT_MS_MAX) {
    throw new InvalidInstant("the instant is outside the years 1970 to 9999");
  }
  return new Date(ms).toISOString();
}

/** Milliseconds since 1970; throws `InvalidInstant` for another form and for a time that does not exist. */
export function parseInstant(text: unknown): number {
  if (typeof text !== "string" || !INSTANT.test(text)) {
    throw new InvalidInstant("the instant does not have the accepted form", {
      hint: "write it as `2026-11-22T11:51:15.123Z`",
    });
  }
  const ms = Date.parse(text);
  // A date that does not exist, such as 30 February, is read as one that does, and is then spelled otherwise.
  if (Number.isNaN(ms) || ms < 0 || formatInstant(ms) !== text) {
    throw new InvalidInstant("the instant names a day or a time that does not exist, or lies before 1970");
  }
  return ms;
}
