/** Times in the reader's zone and language; the caller gives "now", so that a page can tick and a test can stand still. */

import { languageNow, type Language } from "./language";

export type TimeStyle = "moment" | "date" | "time" | "ago" | "until";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Options {
  nowMs: number;
  language?: Language;
  timeZone?: string;
}

/** `atMs` in words: "3 May, 14:05", "14:05", "5 minutes ago", "in 2 hours". */
export function timeText(atMs: number, style: TimeStyle, options: Options): string {
  const language = localeOf(options.language ?? languageNow());
  if (style === "ago" || style === "until") return distance(atMs - options.nowMs, language);
  const year = sameYear(atMs, options.nowMs) ? {} : { year: "numeric" as const };
  const day = { day: "numeric", month: style === "date" ? "long" : "short", ...year } as const;
  const hour = { hour: "numeric", minute: "2-digit" } as const;
  const shown = { date: day, time: hour, moment: { ...day, ...hour } }[style];
  return new Intl.DateTimeFormat(language, { ...shown, ...zone(options) }).format(atMs);
}

/** The whole instant with seconds and zone, as the title of a short time. */
export function exactTime(atMs: number, options: Omit<Options, "nowMs"> = {}): string {
  const language = localeOf(options.language ?? languageNow());
  return new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long", ...zone(options) }).format(
    atMs,
  );
}

/** "4:05" of 245 seconds; "1:02:03" from an hour on. */
export function countdown(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A number as the reader writes it, with at most `digits` after the point. */
export function numberText(value: number, digits = 1): string {
  return new Intl.NumberFormat(localeOf(languageNow()), { maximumFractionDigits: digits }).format(value);
}

/** "1.5 MB": bytes in steps of 1,000, as file managers say it. */
export function bytesText(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const unit = {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
  } as const;
  const format = new Intl.NumberFormat(localeOf(languageNow()), {
    ...unit,
    maximumFractionDigits: step === 0 ? 0 : 1,
  });
  return format.format(bytes / 1000 ** step);
}

function distance(ms: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const size = Math.abs(ms);
  const of = (unit: number) => Math.trunc(ms / unit);
  if (size < 10 * SECOND) return format.format(0, "second");
  if (size < MINUTE) return format.format(of(SECOND), "second");
  if (size < HOUR) return format.format(of(MINUTE), "minute");
  if (size < DAY) return format.format(of(HOUR), "hour");
  if (size < 31 * DAY) return format.format(of(DAY), "day");
  if (size < 365 * DAY) return format.format(of(30.44 * DAY), "month");
  return format.format(of(365.25 * DAY), "year");
}

/** The browser's own variant of the language where it is one (`en-GB`), so that hours and dates look familiar. */
function localeOf(language: Language): string {
  const own = globalThis.navigator?.languages ?? [];
  return own.find((tag) => tag.toLowerCase().split("-")[0] === language) ?? language;
}

function zone({ timeZone }: { timeZone?: string }): { timeZone?: string } {
  return timeZone === undefined ? {} : { timeZone };
}

function sameYear(a: number, b: number): boolean {
  return new Date(a).getFullYear() === new Date(b).getFullYear();
}
