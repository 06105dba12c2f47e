/**
 * Assurance levels (`docs/spec/levels.md`): how far a checkpoint has been confirmed, from verified evidence alone.
 *
 * Levels nest, the order of the evidence changes nothing, and each level says what there is of it and what it lacks.
 * Start at `judgeLevels`.
 */

import type { Word } from "./card";
import { WORDS } from "./card";
import type { Anchor } from "./chains/anchor";
import { BITCOIN_NETWORKS, ETHEREUM_DEVELOPMENT } from "./chains/anchor";
import { byCodePoint } from "./json";
import type { LevelPolicy } from "./level-policy";
import type { Count, Evidence, Signer } from "./signers";
import { countSigners } from "./signers";

/** A notary signs after those whom it checks; so much may clocks differ. */
const NOTARY_LAG_SECONDS_MAX = 60;
const NAMES_SHOWN_MAX = 8;

export interface LevelStep {
  readonly level: number;
  readonly met: boolean;
  /** What there is of it. */
  readonly proved: string;
  /** What it lacks, or nothing. */
  readonly missing: string;
}

export interface Judgement {
  /** 1 to 5. */
  readonly level: number;
  readonly steps: readonly LevelStep[];
  /** For each level reached, in order, the POSIX time at which it was. */
  readonly atSeconds: readonly number[];
  /** What the verdict rests on without proof. */
  readonly assumptions: readonly string[];
}

/** What was found of one level by itself; `timeSeconds` is nothing when it is not met. */
interface Finding {
  readonly timeSeconds: number | null;
  readonly proved: string;
  readonly missing: string;
}

export function judgeLevels(evidence: Evidence, policy: LevelPolicy): Judgement {
  const count = countSigners(evidence, policy);
  const findings: readonly Finding[] = [
    finding(evidence.logTimeSeconds, "the log signed it with both of its keys", []),
    judgeValidators(count, policy),
    judgeDiversity(count, policy),
    judgeNotaries(count, policy),
    judgeAnchors(evidence.anchors, policy.anchors),
  ];
  const unmet = findings.findIndex((one) => one.timeSeconds === null);
  const level = unmet < 0 ? findings.length : unmet;
  let latest = 0;
  const atSeconds = findings.slice(0, level).map((one) => (latest = Math.max(latest, one.timeSeconds ?? 0)));
  const steps = findings.map((one, index) => stepOf(one, index + 1, level));
  return { level, steps, atSeconds, assumptions: assumptionsOf(evidence, policy, count) };
}

function stepOf(one: Finding, number: number, level: number): LevelStep {
  const waits = one.timeSeconds !== null && number > level;
  const missing = waits ? `L${level + 1} comes first, and is not reached` : one.missing;
  return { level: number, met: number <= level, proved: one.proved, missing };
}

function judgeValidators({ validators, doubts }: Count, policy: LevelPolicy): Finding {
  const names = different(validators, "name");
  const proved =
    names.length > 0 ? `${counted(names.length, "validator")} cosigned it: ${listed(names)}` : "";
  const asked = asking(pairs(validators), "validator", " cosigned it", policy.validators);
  return finding(
    timeWhen(validators, (signers) => pairs(signers) >= policy.validators),
    proved,
    [asked, ...some(doubts)],
  );
}

function judgeDiversity({ validators }: Count, policy: LevelPolicy): Finding {
  const time = timeWhen(validators, (signers) => isDiverse(signers, policy));
  const found = WORDS.map((word) => ({
    word,
    names: different(validators, word),
    asked: askedOf(policy, word),
  }));
  const said = found.map(({ word, names }) => `${counted(names.length, word)} (${listed(names)})`).join(", ");
  const lacks = found
    .filter(({ names, asked }) => names.length < asked)
    .map(({ word, names, asked }) => `the validators are of ${asking(names.length, word, "", asked)}`);
  const missing = lacks.length > 0 ? lacks : ["there are not enough validators"];
  return finding(time, validators.length > 0 ? `they are of ${said}` : "", missing);
}

/** Notaries of different organisations, each of which could have seen L3 made without its own. */
function judgeNotaries(count: Count, policy: LevelPolicy): Finding {
  const able = count.notaries.filter((notary) => isDiverse(checkedBy(notary, count), policy));
  const time = timeWhen(able, (notaries) => different(notaries, "organisation").length >= policy.notaries);
  const names = able
    .slice(0, NAMES_SHOWN_MAX)
    .map(({ card }) => `\`${card.name}\` of \`${card.organisation}\``);
  const proved =
    able.length > 0 ? `signed, no earlier than they, by the notary ${[...new Set(names)].join(", ")}` : "";
  const lacks = [asking(different(able, "organisation").length, "notary", " signed it", policy.notaries)];
  if (able.length < count.notaries.length) {
    lacks.push(
      "a notary signed, but before the validators that make L3, or L3 is not made without its organisation",
    );
  }
  return finding(time, proved, lacks);
}

function judgeAnchors(anchors: readonly Anchor[], rule: LevelPolicy["anchors"]): Finding {
  const ordered = counting(anchors, rule);
  const networks = new Set<string>();
  let time: number | null = null;
  for (const anchor of ordered) {
    networks.add(anchor.network);
    if (time === null && networks.size >= rule.atLeast) time = anchor.timeSeconds;
  }
  const rest = oldestFirst(anchors.filter((anchor) => whyNot(anchor, rule) !== "")).slice(0, NAMES_SHOWN_MAX);
  const lacks = [
    asking(networks.size, "public chain", " dated it", rule.atLeast),
    ...rest.map((anchor) => whyNot(anchor, rule)),
  ];
  return finding(time, [...new Set(ordered.map((anchor) => anchor.sentence))].join("; "), lacks);
}

/** Those in a chain that is asked for, deep enough, and of headers that show something. */
function counting(anchors: readonly Anchor[], rule: LevelPolicy["anchors"]): readonly Anchor[] {
  return oldestFirst(anchors.filter((anchor) => whyNot(anchor, rule) === ""));
}

/** Why an anchor does not count, or nothing when it does. */
function whyNot(anchor: Anchor, rule: LevelPolicy["anchors"]): string {
  if (!rule.networks.includes(anchor.network)) {
    return `the anchor in \`${anchor.network}\` is not in a chain that the policy names`;
  }
  // Bitcoin's headers carry their work; those of Ethereum show nothing unless the reader knows one of them. Nobody
  // could know those of a developer's own machine.
  const speaks = BITCOIN_NETWORKS.includes(anchor.network) || anchor.network === ETHEREUM_DEVELOPMENT;
  if (!speaks && !anchor.pinned) {
    const header = `that of block \`${anchor.height}\`, as known from elsewhere`;
    return `\`${anchor.network}\` counts only with a header that the policy pins: ${header}`;
  }
  return anchor.confirmations < rule.confirmations
    ? `\`${anchor.network}\` shows ${anchor.confirmations} of ${rule.confirmations} confirmations`
    : "";
}

/** Each once, by all that it says, so that the order in which they were given never shows. */
function oldestFirst(anchors: readonly Anchor[]): readonly Anchor[] {
  const once = new Map(anchors.map((anchor) => [JSON.stringify(Object.values(anchor)), anchor]));
  return [...once.values()].sort(
    (one, other) =>
      one.timeSeconds - other.timeSeconds ||
      byCodePoint(one.network, other.network) ||
      one.height - other.height ||
      one.confirmations - other.confirmations ||
      Number(one.provesTime) - Number(other.provesTime) ||
      Number(one.pinned) - Number(other.pinned) ||
      byCodePoint(one.sentence, other.sentence),
  );
}

function checkedBy({ card, timeSeconds }: Signer, { validators }: Count): readonly Signer[] {
  const latest = timeSeconds + NOTARY_LAG_SECONDS_MAX;
  return validators.filter((one) => one.card.organisation !== card.organisation && one.timeSeconds <= latest);
}

function isDiverse(signers: readonly Signer[], policy: LevelPolicy): boolean {
  const diverse = WORDS.every((word) => different(signers, word).length >= askedOf(policy, word));
  return diverse && pairs(signers) >= policy.validators;
}

function askedOf(policy: LevelPolicy, word: Word): number {
  return policy[`${word}s`];
}

/** How many there are: one pair of keys is one, however often it signed and however many cards it has. */
function pairs(signers: readonly Signer[]): number {
  return new Set(signers.map(({ card }) => card.vkeys.join(" "))).size;
}

function different(signers: readonly Signer[], word: Word | "name"): readonly string[] {
  return [...new Set(signers.map(({ card }) => card[word]))].sort(byCodePoint);
}

/** The time of the signer, in the order of times, with whom it was met; or nothing. */
function timeWhen(signers: readonly Signer[], met: (signers: readonly Signer[]) => boolean): number | null {
  const index = signers.findIndex((_, end) => met(signers.slice(0, end + 1)));
  return signers[index]?.timeSeconds ?? null;
}

function finding(timeSeconds: number | null, proved: string, lacks: readonly string[]): Finding {
  return { timeSeconds, proved, missing: timeSeconds === null ? lacks.join("; ") : "" };
}

function assumptionsOf({ log, anchors }: Evidence, policy: LevelPolicy, count: Count): readonly string[] {
  const said: string[] = [];
  const signers = [...count.validators, ...count.notaries];
  const isPinned = (id: string) => policy.witnesses.some((pin) => pin.card === id);
  if (signers.length > 0) {
    if (log !== null && !isPinned(log.id)) said.push("the log's organisation is as the log says itself");
    if (policy.witnesses.length === 0) {
      said.push(
        "who the witnesses are, and their roles, organisations, regions, clouds and operators, is as they " +
          "say themselves: the policy pins no witness",
      );
    } else if (signers.some(({ card }) => !isPinned(card.id))) {
      said.push(
        "the roles, organisations, regions, clouds and operators of witnesses whose keys alone are pinned " +
          "are as they say themselves",
      );
    }
  }
  said.push(...counting(anchors, policy.anchors).map(assumed));
  return [...new Set(said.filter((sentence) => sentence !== ""))];
}

/** What an anchor that counts rests on, or nothing when the reader knows its chain. */
function assumed(anchor: Anchor): string {
  if (!anchor.provesTime) {
    return `\`${anchor.network}\` can be rewritten for nothing: its anchor proves nothing about time`;
  }
  if (anchor.pinned) return "";
  return (
    `block \`${anchor.height}\` of \`${anchor.network}\` is in the chain that everybody sees: no header that ` +
    "the policy pins confirms it, so that it rests on the work that its headers show"
  );
}

function some(texts: readonly string[]): readonly string[] {
  const more = texts.length - NAMES_SHOWN_MAX;
  return [...texts.slice(0, NAMES_SHOWN_MAX), ...(more > 0 ? [`and ${more} more`] : [])];
}

function listed(names: readonly string[]): string {
  return some(names.map((name) => `\`${name}\``)).join(", ");
}

function counted(number: number, noun: string): string {
  const several = noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${number === 0 ? "no" : number} ${number < 2 ? noun : several}`;
}

function asking(have: number, noun: string, did: string, asked: number): string {
  return `${counted(have, noun)}${did}, where ${asked} ${asked === 1 ? "is" : "are"} asked`;
}
