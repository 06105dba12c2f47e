/**
 * Who saw what, in the reader's words: one sentence a line, and lines that say the same as one.
 *
 * Guarantees: what a rule says that we have no words for is shown as the node says it, never left out.
 */

import { timeText, type Language } from "~/strings";
import { whoText } from "../people";
import type { Seen } from "../shapes";
import type { PatientWords } from "../strings";

export interface Telling {
  words: PatientWords;
  language: Language;
  me: string;
  /** What a thing is called, where the reader's own record tells: "your summary of 3 May". */
  nameOf: (resource: string) => string | null;
  /** `reading` or the kind of the thing. */
  sortOf: (resource: string) => string;
}

/** Lines that say the same but for the piece: newest first, each its own proof. */
export interface SeenGroup {
  key: string;
  rows: Seen[];
}

/** A group tells of one hour at most, so that no sentence hides how often. */
const SPAN_MS = 60 * 60 * 1000;
/** What happens within a minute is told sort by sort: a program that takes things in turn is not a hundred lines. */
const BURST_MS = 60 * 1000;
const WITHOUT = new Set(["visit", "log", "record", "thread"]);

export function grouped(rows: readonly Seen[], sortOf: (resource: string) => string): SeenGroup[] {
  const groups: SeenGroup[] = [];
  for (const row of rows) {
    const key = [
      row.who.id,
      row.what,
      row.thing,
      row.purpose,
      row.allowed,
      row.emergency,
      row.why,
      row.token,
      row.done,
      sortOf(row.resource),
    ].join("|");
    const same = sameOf(groups, key, Date.parse(row.at));
    if (same === undefined) groups.push({ key, rows: [row] });
    else same.rows.push(row);
  }
  return groups;
}

/** The group that goes on with a row of this moment: the last one, or one that only the same minute parts from it. */
function sameOf(groups: readonly SeenGroup[], key: string, atMs: number): SeenGroup | undefined {
  const isWithin = (row: Seen | undefined, span: number) => Date.parse(row?.at ?? "") - atMs < span;
  const index = groups.findLastIndex((group) => group.key === key);
  const found = groups[index];
  if (found === undefined || !isWithin(found.rows[0], SPAN_MS)) return undefined;
  const others = groups.slice(index + 1);
  if (others.length === 0) return found;
  const burst = [...others.map(({ rows }) => rows[0]), found.rows.at(-1)];
  return burst.every((row) => isWithin(row, BURST_MS)) ? found : undefined;
}

/** "Dr. Osei read your blood results for treatment, under the permission you gave on 1 May." */
export function sentenceOf({ rows }: SeenGroup, telling: Telling): string {
  const [row] = rows;
  if (row === undefined) return "";
  const { words, me } = telling;
  const who = whoText(row.who, words, me);
  const thing = thingOf(rows, telling);
  const purpose = row.purpose === null || row.emergency ? "" : ` ${purposeText(row.purpose, words)}`;
  const mine = row.who.id === me;
  if (!row.allowed) return words.seen.refused({ who, did: infinitive(row.what, words), thing, purpose });
  const did = verb(row.what, words, mine);
  const why = whyText(row, telling);
  const after = row.done === null ? "" : ` ${words.seen.after(row.done, row.recipient ?? "")}`;
  return `${words.seen.sentence({ who, did, thing, purpose, why })}${after}`;
}

function thingOf(rows: readonly Seen[], { words, nameOf, sortOf }: Telling): string {
  const [row] = rows;
  if (row === undefined) return "";
  const things = words.seen.things as Record<string, (n: number) => string>;
  const different = new Set(rows.map(({ resource }) => resource)).size;
  if (different === 1) {
    const name = nameOf(row.resource);
    if (name !== null) return name;
  }
  const plural = things[sortOf(row.resource)] ?? things[row.thing];
  if (plural === undefined) return row.thing;
  return plural(WITHOUT.has(row.thing) ? 1 : different);
}

function verb(what: string, words: PatientWords, mine: boolean): string {
  const verbs = (mine ? words.seen.ownVerbs : words.seen.verbs) as Record<string, string>;
  return verbs[what] ?? (words.seen.verbs as Record<string, string>)[what] ?? what;
}

function infinitive(what: string, words: PatientWords): string {
  return (words.seen.infinitives as Record<string, string>)[what] ?? what;
}

function purposeText(purpose: string, words: PatientWords): string {
  return (words.seen.purposes as Record<string, string>)[purpose] ?? purpose;
}

/** Why it was allowed: the permission with its day, the emergency, or the rule in words. */
export function whyText(row: Seen, { words, language, me }: Telling): string {
  const nowMs = Date.now();
  if (row.what === "break-glass") return "";
  if (row.emergency) return words.seen.byEmergency;
  if (row.token !== null) {
    const ms = Date.parse(row.granted_at ?? "");
    const day = Number.isFinite(ms) ? timeText(ms, "date", { nowMs, language }) : null;
    if (row.grantor === null || row.grantor.id === me) return words.seen.byYourGrant(day);
    return words.seen.byGrantOf(row.grantor.name ?? words.seen.somebody.toLowerCase());
  }
  const rules = words.seen.rules as Record<string, string>;
  return row.why
    .split("; ")
    .map((rule) => rules[rule] ?? rule)
    .join("; ");
}
