/**
 * The compliance monitor's rules in the browser, so that a sender is warned before anything is sent.
 *
 * It reads the very file by which the monitor judges (`rules.json`), and gives the same codes for every text: the vectors
 * in `tests/vectors/monitor.json` hold the two together. Nothing leaves the page. Start at `scan`.
 */

import rules from "../../../src/telesphor/capabilities/messages/monitor/rules.json";

export type Level = "note" | "flag" | "hold";
export type Verdict = "pass" | "flag" | "hold";

/** What is scanned, and what is known of where it goes; see `docs/spec/messages.md`. */
export interface Written {
  readonly text: string;
  /** Patients whom the thread is not about and who are not in it. */
  readonly names?: readonly string[];
  /** Of which addresses may be without a word. */
  readonly domains?: readonly string[];
  readonly fileNames?: readonly string[];
  /** Messages that the sender sent in the last hour. */
  readonly sentLately?: number;
}

export interface Finding {
  readonly verdict: Verdict;
  readonly codes: readonly string[];
}

interface Pattern {
  readonly code: string;
  readonly level: Level;
  readonly counts: boolean;
  readonly check: Check | null;
  readonly words: readonly string[];
  readonly expression: RegExp;
}

type Check = "ssn" | "npi" | "luhn";

/** As long as a message may be; what is longer is scanned so far and counts as broken. */
export const TEXT_CHARS_MAX = 20_000;

const RANK: Record<Level, number> = { note: 0, flag: 1, hold: 2 };
const DASHES = /[\u2010-\u2015\u2212\ufe63\uff0d]/g;
const WORD = /[a-z0-9]+/g;
const PATTERNS: readonly Pattern[] = rules.patterns.map((one) => ({
  ...one,
  level: one.level as Level,
  check: one.check as Check | null,
  expression: new RegExp(one.pattern, "g"),
}));
const ADDRESSES = new RegExp(rules.addresses.pattern, "g");

/** Say which rules a text meets. */
export function scan(written: Written): Finding {
  const characters = [...written.text];
  const text = normalise(characters.slice(0, TEXT_CHARS_MAX).join(""));
  const met = new Map<string, Level>();
  const meet = ({ code, level }: { code: string; level: string }) => {
    const known = met.get(code);
    if (known === undefined || RANK[level as Level] > RANK[known]) met.set(code, level as Level);
  };
  const identifiers = new Set<string>();
  for (const pattern of PATTERNS) {
    for (const match of text.matchAll(pattern.expression)) {
      if (!holds(pattern, text, match)) continue;
      meet(pattern);
      if (pattern.counts) identifiers.add(match[0]);
    }
  }
  const domains = new Set((written.domains ?? []).map((domain) => domain.toLowerCase()));
  if ([...text.matchAll(ADDRESSES)].some((match) => !isOf(match[1] ?? "", domains))) meet(rules.addresses);
  if (namesIn(text, written.names ?? [])) meet(rules.names);
  if (identifiers.size >= rules.bulk.count) meet(rules.bulk);
  if ((written.sentLately ?? 0) >= rules.sending.count) meet(rules.sending);
  if ((written.fileNames ?? []).some((name) => rules.files.endings.includes(ending(name)))) meet(rules.files);
  if (characters.length > TEXT_CHARS_MAX) meet(rules.broken);
  const rank = Math.max(0, ...[...met.values()].map((level) => RANK[level]));
  return { verdict: rank === 2 ? "hold" : rank === 1 ? "flag" : "pass", codes: [...met.keys()].sort() };
}

/** The one form of a text in which patterns are looked for. */
export function normalise(text: string): string {
  const folded = text.replaceAll("\r\n", "\n").replaceAll("\t", " ").normalize("NFKD").replace(DASHES, "-");
  return folded
    .replace(/[\p{Mn}\p{Cf}]/gu, "")
    .toLowerCase()
    .replace(/ {2,}/g, " ");
}

/** Whether a normalised text names one of these people: first and last of at least two words, in either order. */
export function namesIn(text: string, names: readonly string[]): boolean {
  const words = text.match(WORD) ?? [];
  const follows = new Map<string, Set<string>>();
  words.forEach((word, index) => {
    const after = follows.get(word) ?? new Set();
    words.slice(index + 1, index + 3).forEach((next) => after.add(next));
    follows.set(word, after);
  });
  return names.some((name) => {
    const parts = normalise(name).match(WORD) ?? [];
    const [first, last] = [parts[0], parts.at(-1)];
    if (parts.length < 2 || first === undefined || last === undefined) return false;
    return (follows.get(first)?.has(last) ?? false) || (follows.get(last)?.has(first) ?? false);
  });
}

function holds(pattern: Pattern, text: string, match: RegExpExecArray): boolean {
  if (pattern.check !== null && !CHECKS[pattern.check](match[0])) return false;
  if (pattern.words.length === 0) return true;
  const end = match.index + match[0].length;
  const around = ` ${(text.slice(Math.max(0, match.index - rules.near), end).match(WORD) ?? []).join(" ")} `;
  return pattern.words.some((word) => around.includes(` ${word} `));
}

function isOf(domain: string, allowed: ReadonlySet<string>): boolean {
  return [...allowed].some((one) => domain === one || domain.endsWith(`.${one}`));
}

function ending(name: string): string {
  const shown = normalise(name).trim().replace(/\.+$/, "");
  return shown.slice(shown.lastIndexOf(".") + 1);
}

const digits = (text: string): number[] => (text.match(/[0-9]/g) ?? []).map(Number);

function isSsn(text: string): boolean {
  const number = digits(text).join("");
  const [area, group, serial] = [number.slice(0, 3), number.slice(3, 5), number.slice(5)];
  return !["000", "666"].includes(area) && !area.startsWith("9") && group !== "00" && serial !== "0000";
}

function isLuhn(text: string): boolean {
  const found = digits(text);
  return new Set(found).size > 1 && found.length >= 13 && found.length <= 19 && luhn(found);
}

function luhn(found: readonly number[]): boolean {
  const total = [...found].reverse().reduce((sum, digit, index) => {
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    return sum + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return total % 10 === 0;
}

const CHECKS: Record<Check, (text: string) => boolean> = {
  ssn: isSsn,
  npi: (text) => luhn([8, 0, 8, 4, 0, ...digits(text)]),
  luhn: isLuhn,
};
