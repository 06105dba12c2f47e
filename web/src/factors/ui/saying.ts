/** Factors in plain words. Whatever stands in them was written by somebody else, and is shown as text and nothing more. */

import type { Person } from "~/record";
import type { Language } from "~/strings";
import type { FactorValue } from "../model";
import type { FactorWords } from "../strings";

const DATE = /^\d{4}-\d\d-\d\d$/;
/**
 * Characters that draw nothing, or turn around what stands beside them: a value must not pass for another. The two joiners
 * stay, for names are written with them in some scripts.
 */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;

/** What a factor is called; one that we have no word for by its own name. */
export function nameText(name: string, words: FactorWords): string {
  const known: Record<string, string> = words.names;
  if (Object.hasOwn(known, name)) return known[name] ?? name;
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A value as a person reads it. A day is the same day wherever one reads it. */
export function valueText(value: FactorValue, words: FactorWords, language: Language): string {
  if (value === true || value === "true") return words.yes;
  if (value === false || value === "false") return words.no;
  const text = String(value);
  const ms = DATE.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text)) {
    const shown = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" } as const;
    return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, shown).format(ms);
  }
  return text.replace(UNSEEN, "\u{fffd}");
}

/** Who vouches: the issuer by its name where the clinic knows it, else by what its identifier names. */
export function issuerText(did: string, issuer: Person | null): string {
  return issuer?.name ?? hostIn(did);
}

/** `did:web:board.example:licences` names `board.example`. */
export function hostIn(did: string): string {
  const [scheme, method, host] = did.split(":");
  return scheme === "did" && method === "web" && host !== undefined ? host : did;
}

/** Who asks: a name that the clinic confirms, or that there is none. */
export function verifierText({ kind, name, roles }: Person, words: FactorWords): string {
  if (name !== null) return name;
  return kind !== "person" || roles.length > 0 ? words.somebody : words.stranger;
}

export function lastingText(seconds: number, words: FactorWords): string {
  const minutes = Math.round(seconds / 60);
  return minutes >= 60 ? words.hours(Math.round(minutes / 60)) : words.minutes(minutes);
}

/** What went wrong, in words where there are some. */
export function failureText(code: string, words: FactorWords): string {
  const known: Record<string, string> = words.failures;
  return Object.hasOwn(known, code) ? (known[code] ?? words.failed) : words.failed;
}
