/**
 * Steps 4 to 6: what others than the log said of the ledger's state, and how far that confirms it. Evidence that is wrong
 * fails the bundle, evidence that is missing only leaves its level unreached; the bundle's own policy never judges it.
 */

import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "./bytes";
import { hex, utf8 } from "./bytes";
import type { Card } from "./card";
import { readCard } from "./card";
import type { Anchor, HeaderPin } from "./chains/anchor";
import { verifyBitcoinAnchor } from "./chains/bitcoin";
import { verifyEthereumAnchor } from "./chains/ethereum";
import type { SignedCheckpoint } from "./checkpoint";
import { verifyCosignature } from "./checkpoint";
import type { Bundle } from "./files";
import { networkOf } from "./files";
import { byCodePoint } from "./json";
import type { LevelPolicy } from "./level-policy";
import { parseLevels } from "./level-policy";
import { judgeLevels } from "./levels";
import type { Note } from "./note";
import { parseNote, parseVkey } from "./note";
import type { Policy } from "./quorum";
import { checkNote } from "./quorum";
import { Refusal, counted, refuse } from "./refusal";
import type { JudgedBy, Proved, Walk } from "./report";
import type { Signer } from "./signers";

/** Who signed the checkpoint, each with its own card. */
export interface Witnessed {
  readonly log: Card | null;
  readonly cosigned: readonly Signer[];
}

/** The reader's policy of levels, whether it was given, and the least level, 1 to 5. */
export interface Demand {
  readonly policy: LevelPolicy;
  readonly given: boolean;
  readonly least: number;
}

/** Everyone with a card signed, with both keys of its own; the quorums of the reader's policies are met. */
export function checkWitnesses(bundle: Bundle, policies: readonly Policy[]): Proved<Witnessed> {
  const cards = readCards(bundle.cards);
  return witnessNote(parseNote(bundle.checkpoint), cards, bundle.logVkeys, policies);
}

/** As `checkWitnesses`, of a note and the cards of those who signed it. */
export function witnessNote(
  note: Note,
  cards: readonly Card[],
  logVkeys: readonly string[],
  policies: readonly Policy[],
): Proved<Witnessed> {
  checkKeys(cards, logVkeys);
  const log = cards.find((card) => card.role === "log") ?? null;
  const cosigned = cards
    .filter((card) => card !== log)
    .map((card) => ({ card, timeSeconds: cosignatureTime(note, card) }));
  const met = policies.flatMap((policy) => checkNote(policy, note));
  const known = [
    ...logVkeys.map(parseVkey),
    ...policies.flatMap((policy) => [...policy.witnesses.values()]),
    ...cosigned.flatMap(({ card }) => card.keys),
  ];
  const unknown = note.lines.filter(
    (line) => !known.some((key) => key.name === line.name && key.keyId === line.keyId),
  );
  return { value: { log, cosigned }, sentence: sentenceOf(cosigned, met, policies.length, unknown.length) };
}

/** Each anchor shows that a block of its network dates the SHA-256 of this checkpoint's text. */
export function checkAnchors(
  files: ReadonlyMap<string, Bytes>,
  signed: SignedCheckpoint,
  pins: readonly HeaderPin[],
): Proved<readonly Anchor[]> {
  const digest = sha256(utf8(signed.note.text));
  const networks = [...new Set([...files.keys()].map(networkOf))].sort(byCodePoint);
  const anchors = networks.map((network) => verifyAnchor(network, files, digest, pins));
  const said = anchors.map((anchor) => anchor.sentence).join("; ");
  return { value: anchors, sentence: said || "no public chain is shown to date the ledger's state" };
}

/** The level that the evidence reaches under the reader's policy is the least that is demanded. */
export function checkLevels(
  own: Bytes | null,
  signed: SignedCheckpoint,
  witnessed: Witnessed,
  anchors: readonly Anchor[],
  demand: Demand,
  walk: Walk,
): Proved<null> {
  const judgement = judgeLevels(
    { ...witnessed, logTimeSeconds: Number(signed.timeSeconds), anchors },
    demand.policy,
  );
  const { digest } = demand.policy;
  const bundle = own === null ? "none" : parseLevels(own).digest === digest ? "same" : "other";
  const by: JudgedBy = { given: demand.given, digest, bundle };
  walk.judge(judgement, by);
  const lacking = judgement.steps.find((step) => !step.met);
  const lacks = lacking === undefined ? "" : `; L${lacking.level} lacks: ${lacking.missing}`;
  if (judgement.level < demand.least) {
    refuse("level-not-reached", `L${demand.least} is demanded, and L${judgement.level} is reached${lacks}`);
  }
  const whose = demand.given ? "the policy you gave" : "the policy that ships with this verifier";
  const beside = bundle === "other" ? "; the bundle's own policy is another one, and was not used" : "";
  return { value: null, sentence: `L${judgement.level} is reached under ${whose}${lacks}${beside}` };
}

function readCards(files: ReadonlyMap<string, Bytes>): readonly Card[] {
  return [...files].map(([keyId, data]) => {
    const card = readCard(data);
    if (card.keys[1].keyId !== keyId) {
      refuse("card-misplaced", `the card of \`${card.name}\` is filed under the id of another key`);
    }
    return card;
  });
}

/** One key in two cards would let one signature count for two; the log cannot witness itself. */
function checkKeys(cards: readonly Card[], logVkeys: readonly string[]): void {
  const seen = new Set(logVkeys.map((vkey) => hex(parseVkey(vkey).publicKey)));
  for (const card of cards) {
    if (card.role === "log") {
      if (!card.vkeys.every((vkey) => logVkeys.includes(vkey))) {
        refuse("card-unreferenced", `the card of the log \`${card.name}\` is not that of this ledger`);
      }
      continue;
    }
    for (const key of card.keys) {
      if (seen.has(hex(key.publicKey))) {
        refuse("card-key-reused", `a key of the card of \`${card.name}\` is somebody else's as well`);
      }
      seen.add(hex(key.publicKey));
    }
  }
}

function cosignatureTime(note: Note, card: Card): number {
  // A second card of the log's: the first stands for it, and a log's keys make no cosignature.
  if (card.role === "log")
    refuse("witness-card-refused", "the keys of a log's card sign its own checkpoints only");
  try {
    return Number(verifyCosignature(note, card.keys));
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "cosignature-missing") throw error;
    return refuse(
      "card-unreferenced",
      `the card of \`${card.name}\` is here, and it did not sign the checkpoint`,
    );
  }
}

function verifyAnchor(
  network: string,
  files: ReadonlyMap<string, Bytes>,
  digest: Bytes,
  pins: readonly HeaderPin[],
): Anchor {
  const file = (kind: string) =>
    files.get(`${network}.${kind}`) ?? refuse("bundle-refused", `the anchor in \`${network}\` lacks a file`);
  if (!network.startsWith("bitcoin-")) return verifyEthereumAnchor(digest, file("json"), network, pins);
  return verifyBitcoinAnchor({ digest, ots: file("ots"), headers: file("headers"), network, pins });
}

function sentenceOf(
  cosigned: readonly Signer[],
  met: readonly string[],
  policies: number,
  unknown: number,
): string {
  const count = (role: string) => cosigned.filter(({ card }) => card.role === role).length;
  const [witnesses, notaries] = [count("witness"), count("notary")];
  const who = [
    ...(witnesses > 0 ? [counted(witnesses, "witness", "witnesses")] : []),
    ...(notaries > 0 ? [counted(notaries, "notary", "notaries")] : []),
  ];
  let said =
    who.length > 0
      ? `${who.join(" and ")} signed this state with Ed25519 and ML-DSA-44, each with a card of its own`
      : "nobody with a card but the log itself signed this state";
  if (policies > 0) {
    const signers = met.length > 0 ? `, by ${met.map((name) => `\`${name}\``).join(", ")}` : "";
    said += `; the quorum of your policy is met${signers}`;
  }
  if (unknown > 0) said += `; ${counted(unknown, "line")} of keys that nobody here knows passed over`;
  return said;
}
