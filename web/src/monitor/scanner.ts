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
  const met = new Met();
  const text = normalise(characters.slice(0, TEXT_CHARS_MAX).join(""));
  const identifiers = lookFor(text, written, met, ({ counts }) => counts);
  if (identifiers >= rules.bulk.count) met.add(rules.bulk);
  if ((written.sentLately ?? 0) >= rules.sending.count) met.add(rules.sending);
  if ((written.fileNames ?? []).some((name) => rules.files.endings.includes(endingOf(name))))
    met.add(rules.files);
  if (characters.length > TEXT_CHARS_MAX) met.add(rules.broken);
  return met.finding();
}

/** Say which rules the text of an attached file meets; it is looked at whole. What is only noted does not count. */
export function scanFileText(text: string, known: Pick<Written, "names" | "domains">): Finding {
  const met = new Met();
  const { bulk } = rules.attachments;
  const isOne = ({ counts, level }: Pattern) => counts && level !== "note";
  if (lookFor(normalise(text), known, met, isOne) >= bulk.count) met.add(bulk);
  return met.finding();
}

/** What is found where one rule is met, and no other. */
export function meet(rule: Rule): Finding {
  const met = new Met();
  met.add(rule);
  return met.finding();
}

/** What several findings come to together. */
export function join(findings: readonly Finding[]): Finding {
  const rank = Math.max(0, ...findings.map(({ verdict }) => VERDICTS.indexOf(verdict)));
  const codes = new Set(findings.flatMap((one) => one.codes));
  return { verdict: VERDICTS[rank] ?? "hold", codes: [...codes].sort() };
}

interface Rule {
  readonly code: string;
  readonly level: string;
}

const VERDICTS: readonly Verdict[] = ["pass", "flag", "hold"];

/** The rules that were met, each at its highest level. */
class Met {
  private readonly levels = new Map<string, Level>();

  add({ code, level }: Rule): void {
    const known = this.levels.get(code);
    if (known === undefined || RANK[level as Level] > RANK[known]) this.levels.set(code, level as Level);
  }

  finding(): Finding {
    const rank = Math.max(0, ...[...this.levels.values()].map((level) => RANK[level]));
    return { verdict: VERDICTS[rank] ?? "hold", codes: [...this.levels.keys()].sort() };
  }
}

/** Look for patterns, addresses and names in a normalised text; returns how many different identifiers there are. */
function lookFor(
  text: string,
  known: Pick<Written, "names" | "domains">,
  met: Met,
  counts: (pattern: Pattern) => boolean,
): number {
  const identifiers = new Set<string>();
  for (const pattern of PATTERNS) {
    for (const match of text.matchAll(pattern.expression)) {
      if (!holds(pattern, text, match)) continue;
      met.add(pattern);
      if (counts(pattern)) identifiers.add(match[0]);
    }
  }
  const domains = new Set((known.domains ?? []).map((domain) => domain.toLowerCase()));
  for (const match of text.matchAll(ADDRESSES)) if (!isOf(match[1] ?? "", domains)) met.add(rules.addresses);
  if (namesIn(text, known.names ?? [])) met.add(rules.names);
  return identifiers.size;
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

/** What stands behind the last point of a name, as rules have it; all of it where there is none. */
export function endingOf(name: string): string {
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
