/**
 * Who counts: which of those who cosigned a checkpoint a judgement of levels may count, and why not the others
 * (`docs/spec/levels.md`). The order of the evidence changes nothing. Start at `countSigners`.
 */

import { hex } from "./bytes";
import type { Card } from "./card";
import { claimsOf, isInForce } from "./card";
import type { Anchor } from "./chains/anchor";
import { byCodePoint } from "./json";
import type { LevelPolicy } from "./level-policy";
import { refuse } from "./refusal";

/** Cards and cosignatures, and anchors, in one judgement. */
const COSIGNED_MAX = 256;
const ANCHORS_MAX = 64;
/** A cosignature may state a time so much before the log's, as clocks differ, and so long after. */
const LAG_SECONDS_MAX = 300;
const DELAY_SECONDS_MAX = 366 * 24 * 60 * 60;

export interface Signer {
  readonly timeSeconds: number;
  readonly card: Card;
}

/** What was verified of one checkpoint before anybody judges how far it goes. */
export interface Evidence {
  readonly log: Card | null;
  readonly logTimeSeconds: number;
  /** Each verified cosignature with the card of the keys that made it. */
  readonly cosigned: readonly Signer[];
  readonly anchors: readonly Anchor[];
}

/** Who counts, in the order of their times, and in plain words why the others do not. */
export interface Count {
  readonly validators: readonly Signer[];
  readonly notaries: readonly Signer[];
  readonly doubts: readonly string[];
}

/** Why a signer does not count, or nothing when this is no reason. */
type Reason = (signer: Signer) => string;

export function countSigners(evidence: Evidence, policy: LevelPolicy): Count {
  checkEvidence(evidence);
  const { log, logTimeSeconds } = evidence;
  if (log === null || !isInForce(log, logTimeSeconds)) {
    const reason = log === null ? "is not here" : "was not in force";
    const doubt = `the log's own card ${reason}, so nobody can be told apart from the log`;
    return { validators: [], notaries: [], doubts: [doubt] };
  }
  const doubts = new Set<string>();
  let signers = different(evidence.cosigned);
  for (const reason of [unpinned(policy), outOfForce, outOfTime(logTimeSeconds)]) {
    signers = keep(signers, reason, doubts);
  }
  for (const reason of [twoFaced(signers), ofLog(log)]) signers = keep(signers, reason, doubts);
  return {
    validators: signers.filter((signer) => signer.card.role === "witness"),
    notaries: signers.filter((signer) => signer.card.role === "notary"),
    doubts: [...doubts].sort(byCodePoint),
  };
}

function checkEvidence({ log, cosigned, anchors }: Evidence): void {
  if (cosigned.length > COSIGNED_MAX || anchors.length > ANCHORS_MAX) {
    refuse("limit-exceeded", `at most ${COSIGNED_MAX} cosignatures and ${ANCHORS_MAX} anchors are judged`);
  }
  const misplaced = (log !== null && log.role !== "log") || cosigned.some(({ card }) => card.role === "log");
  if (misplaced) refuse("level-evidence-refused", "a card is not of the role that it is put forward for");
}

/** Each once, in the order of times. */
function different(cosigned: readonly Signer[]): readonly Signer[] {
  const byName = new Map(cosigned.map((signer) => [`${signer.timeSeconds} ${signer.card.id}`, signer]));
  return [...byName.values()].sort(
    (one, other) =>
      one.timeSeconds - other.timeSeconds || byCodePoint(orderOf(one.card), orderOf(other.card)),
  );
}

function orderOf(card: Card): string {
  return [...card.vkeys, card.issuedAt, card.expiresAt].join("\u0000");
}

function keep(signers: readonly Signer[], reason: Reason, doubts: Set<string>): readonly Signer[] {
  return signers.filter((signer) => {
    const found = reason(signer);
    if (found !== "") doubts.add(`\`${signer.card.name}\` ${found}`);
    return found === "";
  });
}

function unpinned({ witnesses }: LevelPolicy): Reason {
  return ({ card }) => {
    const known = witnesses.some((pin) => pin.vkeys === card.vkeys.join(" ") || pin.card === card.id);
    return witnesses.length === 0 || known ? "" : "is not one that the policy pins";
  };
}

function outOfForce({ card, timeSeconds }: Signer): string {
  return isInForce(card, timeSeconds) ? "" : "had no card in force when it signed";
}

/** Otherwise a key that leaks after its card's term could sign, back-dated, what was made after it. */
function outOfTime(logTimeSeconds: number): Reason {
  return ({ timeSeconds }) => {
    if (timeSeconds < logTimeSeconds - LAG_SECONDS_MAX) return "states a time before the log's own";
    return timeSeconds > logTimeSeconds + DELAY_SECONDS_MAX
      ? "states a time more than a year after the log's"
      : "";
  };
}

/** Those with a key, either half, of which two different things are said; a renewal says the same. */
function twoFaced(signers: readonly Signer[]): Reason {
  const said = new Map<string, Set<string>>();
  for (const { card } of signers) {
    for (const half of halvesOf(card)) said.set(half, (said.get(half) ?? new Set()).add(claimsOf(card)));
  }
  return ({ card }) =>
    halvesOf(card).some((half) => (said.get(half)?.size ?? 0) > 1)
      ? "has a key of which two different things are said"
      : "";
}

function ofLog(log: Card): Reason {
  const halves = halvesOf(log);
  return ({ card }) => {
    if (card.organisation === log.organisation) return "is of the log's own organisation";
    return halvesOf(card).some((half) => halves.includes(half)) ? "has a key of the log" : "";
  };
}

function halvesOf(card: Card): readonly string[] {
  return card.keys.map((key) => hex(key.publicKey));
}
