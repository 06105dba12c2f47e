/**
 * A report in words for people, in English and Spanish. The exact sentences of the report stand beside them on the page;
 * nothing here says more than those. Start at `wordsOf`.
 */

import { isPrintable } from "./names";
import type { Level, Report, Step } from "./report";
import { isFailed } from "./report";
import type { Words } from "./words/en";
import { en } from "./words/en";
import { es } from "./words/es";

export type Language = "en" | "es";
export type StepName = keyof Words["steps"];

export interface StepWords {
  readonly name: string;
  readonly title: string;
  readonly sentence: string;
  readonly failed: boolean;
}

export interface LevelWords {
  readonly level: string;
  readonly title: string;
  readonly means: string;
  readonly met: boolean;
  readonly at: string | null;
  /** What it lacks in plain words, where it is the next one. */
  readonly lacks: string | null;
}

export interface VerdictWords {
  readonly verdict: string;
  readonly good: boolean;
  /** Good, and under keys that the reader gave. */
  readonly sure: boolean;
  readonly notes: readonly string[];
  readonly steps: readonly StepWords[];
  readonly levels: readonly LevelWords[];
}

export const STEP_WORDS: Readonly<Record<Language, Words>> = { en, es };

/** Faults that say that it is not what the reader asked for, rather than that it is not genuine. */
const NOT_ACCEPTED = [
  "key-not-pinned",
  "level-not-reached",
  "quorum-not-met",
  "limit-exceeded",
  "not-an-archive",
  "internal",
];
/** How the subject of a proof of one entry begins. */
const ONE_ENTRY = "entry/";
const BITCOIN = /block (\d+) of bitcoin-mainnet\b/;
const ETHEREUM = /block (\d+) of `ethereum-1`/;
const TEST_CHAIN = /proves nothing about time/;
const POSITION = /position (\d+)/;
const NOTHING = /^(?:nobody|no public chain|no committed value|no document)/;
const COUNTED = /^(no|\d+) [a-z ]+, where (\d+) (?:is|are) asked/;

export function wordsOf(report: Report, language: Language): VerdictWords {
  const words = STEP_WORDS[language];
  const good = report.verdict === "pass";
  return {
    verdict: good ? praise(report, words, language) : blame(report, words, language),
    good,
    sure: good && report.pinned,
    notes: notesOf(report, words),
    steps: report.steps.map((step) => stepWords(step, report, words)),
    levels: levelWords(report.levels, words),
  };
}

/** A text of the report, fit for a screen: a bundle is somebody else's, and nothing in it may turn text around. */
export function shownText(text: string): string {
  return [...text].map((mark) => (isPrintable(mark) ? mark : "\ufffd")).join("");
}

/** The title of a step that may not have been run yet. */
export function stepTitle(name: string, language: Language): string {
  return isStepName(name) ? (STEP_WORDS[language].steps[name][0] ?? name) : name;
}

/** The words of one step that has just been done. */
export function stepWords(step: Step, report: Pick<Report, "subject">, words: Words): StepWords {
  const { name } = step;
  if (!isStepName(name)) return { name, title: name, sentence: "", failed: isFailed(step) };
  const selection = report.subject.startsWith("selection/") ? words.selectionSteps : null;
  const own =
    selection !== null && (name === "closing" || name === "links" || name === "life")
      ? selection[name]
      : words.steps[name];
  const [title, meaning] = own as [string, string];
  if (isFailed(step)) return { name, title, sentence: capital(failureOf(step, words)), failed: true };
  const unused =
    NOTHING.test(step.proved) && name in words.unused ? words.unused[name as keyof Words["unused"]] : null;
  return { name, title, sentence: unused ?? meaning, failed: false };
}

function isStepName(name: string): name is StepName {
  return Object.hasOwn(en.steps, name);
}

function praise(report: Report, { verdicts }: Words, language: Language): string {
  const [sure, unsure] = report.subject.startsWith(ONE_ENTRY)
    ? [verdicts.entry, verdicts.entry]
    : report.subject.startsWith("selection/")
      ? [verdicts.selection, verdicts.selectionUnpinned]
      : [verdicts.visit, verdicts.visitUnpinned];
  const dated = report.levels.find(({ level, met }) => level === "L5" && met)?.proved ?? "";
  const [bitcoin, ethereum] = [BITCOIN.exec(dated)?.[1], ETHEREUM.exec(dated)?.[1]];
  const number = (digits: string) =>
    new Intl.NumberFormat(language, { useGrouping: "always" }).format(Number(digits));
  return [
    report.pinned ? sure : unsure,
    ...(bitcoin === undefined ? [] : [verdicts.bitcoin(number(bitcoin))]),
    ...(ethereum === undefined ? [] : [verdicts.ethereum(number(ethereum))]),
  ].join(" ");
}

function blame(report: Report, words: Words, language: Language): string {
  const step = report.steps.at(-1);
  if (step === undefined || !isFailed(step)) return words.verdicts.notAccepted(words.failures.internal ?? "");
  const what = failureOf(step, words);
  if (NOT_ACCEPTED.includes(step.code)) return words.verdicts.notAccepted(what);
  const position = POSITION.exec(step.failure)?.[1];
  const entry =
    position === undefined
      ? ""
      : ` ${words.verdicts.atEntry(new Intl.NumberFormat(language).format(Number(position)))}`;
  return words.verdicts.notGenuine(what) + entry;
}

function failureOf({ name, code }: { name: string; code: string }, words: Words): string {
  const byCode = Object.hasOwn(words.failures, code) ? words.failures[code] : undefined;
  return byCode ?? words.otherwise[name] ?? words.failures.internal ?? "";
}

function notesOf(report: Report, { notes }: Words): readonly string[] {
  const dated = report.steps.find(({ name }) => name === "anchors");
  const said: string[] = [];
  if (report.verdict === "fail" && report.steps.length > 1) said.push(notes.unread);
  if (report.verdict === "pass" && !report.pinned) said.push(notes.unpinned);
  if (report.verdict === "pass" && report.subject.startsWith(ONE_ENTRY)) said.push(notes.entry);
  if (report.purpose !== "") said.push(notes.selection(report.purpose));
  if (report.policy?.bundle === "other") said.push(notes.otherPolicy);
  if (dated !== undefined && !isFailed(dated) && TEST_CHAIN.test(dated.proved)) said.push(notes.testChain);
  return said;
}

function levelWords(levels: readonly Level[], words: Words): readonly LevelWords[] {
  const next = levels.findIndex(({ met }) => !met);
  return levels.map(({ level, met, at, missing }, index) => {
    const [title, means] = words.levels[index] as [string, string];
    return { level, title, means, met, at, lacks: index === next ? lackOf(index, missing, words) : null };
  });
}

/** What a block that has come to `level` lacks of the next one; the exact sentence where there are no plain words. */
export function lackWords(level: number, missing: string, language: Language): string {
  return missing === "" ? "" : lackOf(level, missing, STEP_WORDS[language]) || missing;
}

/** The counts of the exact sentence, in plain words; the sentence itself stands beside it. */
function lackOf(index: number, missing: string, { lacks }: Words): string {
  const counts = COUNTED.exec(missing);
  const say = [null, lacks.validators, null, lacks.notaries, lacks.chains][index] ?? null;
  if (say === null || counts === null) return index === 2 ? lacks.diversity : "";
  return say(counts[1] === "no" ? "0" : (counts[1] ?? ""), counts[2] ?? "");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
