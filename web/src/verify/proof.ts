/**
 * One entry by its own small proof (C2SP tlog-proof; `docs/spec/verification.md`): that it stands in the ledger, and how far
 * the ledger's state was confirmed. Who asked for it, and that the ledger was founded with these keys, is not in it.
 *
 * INVARIANTS: `verifyProof` throws nothing for any bytes of the proof and the entry; a proof holds no keys and no cards, so
 * those of the reader decide alone.
 *
 * Start at `verifyProof`, the list of the steps.
 */

import { readArchive } from "./archive";
import type { Bytes } from "./bytes";
import { fromBase64, utf8 } from "./bytes";
import type { Card } from "./card";
import { readCard } from "./card";
import type { SignedCheckpoint } from "./checkpoint";
import { openCheckpoint, parseCheckpoint } from "./checkpoint";
import type { Demand } from "./confirm";
import { checkAnchors, checkLevels, witnessNote, type Witnessed } from "./confirm";
import { ANCHORS_MAX, boundOf, NOTE_BYTES_MAX, parseAnchors, parsePath } from "./files";
import { byCodePoint } from "./json";
import type { LevelPolicy } from "./level-policy";
import { shippedLevels } from "./level-policy";
import type { Note } from "./note";
import { parseNote, parseVkey } from "./note";
import type { Pins } from "./pins";
import { placeEntry, saySigned } from "./place";
import { recast, Refusal, refuse } from "./refusal";
import type { OnStep, Proved, Report } from "./report";
import { StepFailed, Walk } from "./report";

export const PROOF_STEPS: readonly string[] = [
  "proof",
  "checkpoint",
  "witnesses",
  "anchors",
  "levels",
  "inclusion",
];

const HEADER = "c2sp.org/tlog-proof@v1";
const EXTRA = "extra ";
const INDEX = /^index (0|[1-9][0-9]{0,11})$/;
const NEW_LINE = 0x0a;
const EXTRA_BYTES_MAX = 4 * 1024 * 1024;
export const PROOF_BYTES_MAX = NOTE_BYTES_MAX + Math.floor((EXTRA_BYTES_MAX * 4) / 3) + 8 * 1024;

/** What the reader of a proof has from elsewhere. */
export interface Known {
  readonly pins: Pins;
  /** Of witnesses, notaries and the log itself; those that did not sign are passed over. */
  readonly cards?: readonly Card[] | undefined;
}

export interface ProofOptions extends Known {
  readonly levels?: LevelPolicy | undefined;
  /** The least level, 1 to 5, with which the proof passes. */
  readonly require?: number | undefined;
  readonly onStep?: OnStep | undefined;
}

interface TlogProof {
  readonly index: number;
  readonly path: readonly Bytes[];
  readonly checkpoint: Bytes;
  readonly anchors: ReadonlyMap<string, Bytes>;
}

/** Whether a file is such a proof, by its first line; nothing is verified. */
export function isProof(data: Bytes): boolean {
  const head = utf8(`${HEADER}\n`);
  return data.length >= head.length && head.every((byte, at) => data[at] === byte);
}

/** The cards of a reader (`witness-card-refused`, `half-signature`, `limit-exceeded`). */
export function readCards(files: readonly Bytes[]): readonly Card[] {
  return files.map(readCard);
}

/** Judges whether `entry`, byte for byte, stands in the ledger. */
export function verifyProof(data: Bytes, entry: Bytes, options: ProofOptions): Report {
  const { pins, cards = [], levels, require = 1, onStep = () => undefined } = options;
  const walk = new Walk(PROOF_STEPS, true, onStep);
  try {
    const demand = { policy: levels ?? shippedLevels(), given: levels !== undefined, least: require };
    walkSteps(data, entry, { pins, cards }, demand, walk);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
  }
  return walk.report();
}

function walkSteps(data: Bytes, entry: Bytes, known: Required<Known>, demand: Demand, walk: Walk): void {
  const { pins, cards } = known;
  // 1. The text is a proof.
  const { proof, note } = walk.step("proof", () => openProof(data));
  // 2. The ledger's state, signed by both of its keys as the reader knows them.
  const signed = walk.step("checkpoint", () => checkProofCheckpoint(proof, note, pins));
  walk.describe({ origin: signed.checkpoint.origin, subject: `entry/${proof.index}`, purpose: "" });
  // 3. Who else signed that state.
  const witnessed = walk.step("witnesses", () => checkProofWitnesses(note, signed, pins, cards ?? []));
  // 4. Which public chains date it.
  const anchors = walk.step("anchors", () => checkAnchors(proof.anchors, signed, demand.policy.pins));
  // 5. How far that confirms it.
  walk.step("levels", () => checkLevels(null, signed, witnessed, anchors, demand, walk));
  // 6. The entry stands in that state.
  walk.step("inclusion", () => checkProofInclusion(proof, entry, signed));
}

function openProof(data: Bytes): Proved<{ proof: TlogProof; note: Note }> {
  const proof = parseProof(data);
  const note = parseNote(proof.checkpoint);
  return { value: { proof, note }, sentence: `the text is a proof of the entry at position ${proof.index}` };
}

function checkProofCheckpoint(proof: TlogProof, note: Note, pins: Pins): Proved<SignedCheckpoint> {
  const { origin } = parseCheckpoint(note.text);
  const signed = openCheckpoint(proof.checkpoint, origin, vkeysOf(origin, pins));
  return { value: signed, sentence: saySigned(signed, "the keys you gave") };
}

function vkeysOf(origin: string, pins: Pins): readonly string[] {
  const vkeys = [...new Set(pins.vkeys)].filter((vkey) => parseVkey(vkey).name === origin).sort(byCodePoint);
  if (vkeys.length !== 2) {
    refuse(
      "key-not-pinned",
      `${vkeys.length} keys of the ledger \`${origin}\` are among the keys you gave, where it has two`,
    );
  }
  return vkeys;
}

/** As in a bundle, with those of the reader's cards whose keys signed. */
function checkProofWitnesses(
  note: Note,
  signed: SignedCheckpoint,
  pins: Pins,
  cards: readonly Card[],
): Proved<Witnessed> {
  const vkeys = vkeysOf(signed.checkpoint.origin, pins);
  const ids = new Set(note.lines.map(({ keyId }) => keyId));
  const own = cards.filter((card) =>
    card.role === "log"
      ? vkeys.every((vkey) => card.vkeys.includes(vkey))
      : card.keys.some(({ keyId }) => ids.has(keyId)),
  );
  return witnessNote(note, own, vkeys, pins.policies);
}

function checkProofInclusion(proof: TlogProof, entry: Bytes, signed: SignedCheckpoint): Proved<null> {
  const placed = placeEntry({ position: proof.index, data: entry, path: proof.path }, signed);
  const where = `the entry \`${placed.entry.type}\` stands at position ${placed.position} of that ledger, byte for byte; `;
  return { value: null, sentence: `${where}who asked for it is not in such a proof` };
}

/** A proof of the one form that proofs have (`tlog-proof-refused`, `limit-exceeded`); nothing is verified yet. */
function parseProof(data: Bytes): TlogProof {
  if (data.length > PROOF_BYTES_MAX) {
    refuse("limit-exceeded", `the proof has ${data.length} bytes; at most ${PROOF_BYTES_MAX} are read`);
  }
  const cut = emptyLine(data);
  const lines = cut < 0 ? [] : plainText(data.subarray(0, cut)).split("\n");
  if (lines.shift() !== HEADER) bad(`the text is not a proof of the form \`${HEADER}\``);
  const extra = lines[0]?.startsWith(EXTRA) === true ? (lines.shift() as string) : null;
  const anchors = extra === null ? new Map<string, Bytes>() : parseExtra(extra.slice(EXTRA.length));
  const index = INDEX.exec(lines.shift() ?? "");
  if (index === null) bad("the proof does not name the position of its entry");
  const path = parsePath(utf8(lines.map((line) => `${line}\n`).join("")));
  return { index: Number(index[1]), path, checkpoint: data.subarray(cut + 2), anchors };
}

function parseExtra(text: string): ReadonlyMap<string, Bytes> {
  try {
    const files = readArchive(fromBase64(text), { archiveBytes: EXTRA_BYTES_MAX, files: 2 * ANCHORS_MAX });
    for (const [path, content] of files) {
      if (!path.startsWith("anchors/")) bad("the extra line holds something other than anchors");
      if (content.length > boundOf(path)) refuse("limit-exceeded", `the file \`${path}\` is too large`);
    }
    return parseAnchors(files);
  } catch (error) {
    if (error instanceof Refusal && error.code === "limit-exceeded") throw error;
    return recast("tlog-proof-refused", "the proof's extra line is refused", () => {
      throw error;
    });
  }
}

/** Where the first empty line begins: with the newline that ends the line before it. */
function emptyLine(data: Bytes): number {
  for (let at = 0; at + 1 < data.length; at++) {
    if (data[at] === NEW_LINE && data[at + 1] === NEW_LINE) return at;
  }
  return -1;
}

/** ASCII, with a mark that no line of a proof may hold in place of whatever else there is. */
function plainText(data: Bytes): string {
  return Array.from(data, (byte) => (byte > 0x7f ? "\ufffd" : String.fromCharCode(byte))).join("");
}

function bad(reason: string): never {
  refuse("tlog-proof-refused", reason);
}
