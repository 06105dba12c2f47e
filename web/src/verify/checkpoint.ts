/**
 * Checkpoints and cosignatures (`docs/spec/checkpoint.md`): the signed state of a ledger, by both keys of its log,
 * and what witnesses said of it, by both keys of theirs.
 *
 * Start at `openCheckpoint` and `verifyCosignature`.
 */

import type { Bytes } from "./bytes";
import { bigEndian, bigOf, concat, fromBase64, utf8 } from "./bytes";
import type { Note, NoteLine, Vkey } from "./note";
import { linesOf, parseNote, parseVkey } from "./note";
import { faultOfName } from "./names";
import { ML_DSA, ed25519Verifies, mlDsaVerifies } from "./primitives";
import { Refusal, recast, refuse } from "./refusal";
import { SIZE_MAX } from "./tree";

export const LOG_ED25519 = 0x01;
export const COSIGNED_ED25519 = 0x04;
export const ML_DSA_44 = 0x06;
const TIME_BYTES = 8;
const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;

export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Bytes;
}

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** What the log states in its ML-DSA-44 line. */
  readonly timeSeconds: bigint;
  readonly note: Note;
}

/** The checkpoint that a note's text is (`checkpoint-refused`). */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root, rest, ...more] = text.split("\n");
  if (origin === undefined || size === undefined || root === undefined || rest !== "" || more.length > 0) {
    bad("it does not have exactly three lines: origin, size and root");
  }
  if (!DECIMAL.test(size)) bad("its size is not a canonical decimal number");
  const hash = recast("checkpoint-refused", "the root of the checkpoint is refused", () => fromBase64(root));
  const fault = faultOfName(origin);
  if (fault !== null) bad(fault);
  if (BigInt(size) > SIZE_MAX || hash.length !== 32) bad("its size or its root is not one of a tree");
  return { origin, size: BigInt(size), root: hash };
}

/** The checkpoint of `origin`, verified under both keys of its log. */
export function openCheckpoint(data: Bytes, origin: string, vkeys: readonly string[]): SignedCheckpoint {
  const keys = logKeys(origin, vkeys);
  const note = recast("checkpoint-refused", "the checkpoint is refused", () => openNote(data, keys), [
    "note-malformed",
    "note-unsigned",
    "note-signature-refused",
  ]);
  const lines = keys.map((vkey) => lineOfLog(note, vkey));
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== origin) bad("it is of another log than the one asked for");
  return { checkpoint, timeSeconds: statedTime(lines[1] as NoteLine), note };
}

/** The two keys of a log: Ed25519, then ML-DSA-44, both named by its origin (`vkey-refused`). */
export function logKeys(origin: string, vkeys: readonly string[]): readonly [Vkey, Vkey] {
  const pair = pairOf(vkeys, LOG_ED25519);
  if (pair.some((vkey) => vkey.name !== origin))
    refuse("vkey-refused", "the keys of a log must bear its origin");
  return pair;
}

/** The two keys of a witness, in either order, under one name (`vkey-refused`). */
export function cosignerKeys(vkeys: readonly string[]): readonly [Vkey, Vkey] {
  const pair = pairOf(vkeys, COSIGNED_ED25519);
  if (pair[0].name !== pair[1].name) refuse("vkey-refused", "the two keys of a witness must bear one name");
  return pair;
}

/** Refuses unless a line is this key's over the text (`note-signature-refused`, `checkpoint-refused`). */
export function verifyLine(text: string, vkey: Vkey, line: NoteLine): void {
  if (!lineVerifies(text, vkey, line.signature)) {
    refuse("note-signature-refused", `a signature of \`${vkey.name}\` does not verify`);
  }
}

/** Whether a key is of its type's size. */
export function isKeyOfType(vkey: Vkey, type: number): boolean {
  return (
    vkey.type === type &&
    vkey.publicKey.length === (type === ML_DSA_44 ? ML_DSA["ML-DSA-44"].publicBytes : 32)
  );
}

/** The time of a witness's cosignature, both of whose lines verify; `cosignature-missing` when it has none. */
export function verifyCosignature(note: Note, keys: readonly [Vkey, Vkey]): bigint {
  const found = keys.map((vkey) => linesOf(note, vkey));
  const name = keys[0].name;
  if (found.every((lines) => lines.length === 0)) {
    refuse("cosignature-missing", `the witness \`${name}\` has not signed the checkpoint`);
  }
  if (found.some((lines) => lines.length === 0)) {
    refuse("half-signature", `a line of the witness \`${name}\` is missing`);
  }
  const [first, second] = found.map((lines) => (lines.length === 1 ? lines[0] : undefined));
  if (first === undefined || second === undefined) {
    refuse("cosignature-refused", `a key of \`${name}\` has signed the checkpoint more than once`);
  }
  recast(
    "cosignature-refused",
    `the cosignature of \`${name}\` is refused`,
    () => {
      parseCheckpoint(note.text);
      verifyLine(note.text, keys[0], first);
      verifyLine(note.text, keys[1], second);
    },
    ["checkpoint-refused", "note-signature-refused"],
  );
  if (statedTime(first) !== statedTime(second)) {
    refuse("cosignature-refused", `the two lines of \`${name}\` state two times`);
  }
  return statedTime(first);
}

function bad(reason: string): never {
  refuse("checkpoint-refused", `the checkpoint is refused: ${reason}`);
}

function pairOf(vkeys: readonly string[], ed25519: number): readonly [Vkey, Vkey] {
  const keys = vkeys.map(parseVkey);
  const [first, second] = [
    keys.find((key) => isKeyOfType(key, ed25519)),
    keys.find((key) => isKeyOfType(key, ML_DSA_44)),
  ];
  if (keys.length !== 2 || first === undefined || second === undefined) {
    refuse("vkey-refused", "there must be exactly two keys: one Ed25519 and one ML-DSA-44");
  }
  return [first, second];
}

/** The note, with every line of these keys verified, and at least one of them there. */
export function openNote(data: Bytes, keys: readonly Vkey[]): Note {
  const note = parseNote(data);
  const names = keys.map((key) => `${key.name} ${key.keyId}`);
  if (new Set(names).size !== names.length) refuse("vkey-refused", "two keys of one name have one key id");
  let signed = false;
  for (const line of note.lines) {
    const vkey = keys.find((key) => key.name === line.name && key.keyId === line.keyId);
    if (vkey === undefined) continue;
    verifyLine(note.text, vkey, line);
    signed = true;
  }
  if (!signed) throw new Refusal("note-unsigned", "no known key has signed the note");
  return note;
}

function lineOfLog(note: Note, vkey: Vkey): NoteLine {
  const lines = linesOf(note, vkey);
  const kind = vkey.type === ML_DSA_44 ? "ML-DSA-44" : "Ed25519";
  if (lines.length === 0)
    refuse("half-signature", `the ${kind} line of the log is missing from the checkpoint`);
  // Two lines of one key could state two times: there would be two readings.
  if (lines.length > 1) bad("a key of the log has signed it more than once");
  return lines[0] as NoteLine;
}

function lineVerifies(text: string, vkey: Vkey, signature: Bytes): boolean {
  if (vkey.type === LOG_ED25519) return ed25519Verifies(vkey.publicKey, utf8(text), signature);
  const size = vkey.type === ML_DSA_44 ? ML_DSA["ML-DSA-44"].signatureBytes : 64;
  if (signature.length !== TIME_BYTES + size) return false;
  const [time, rest] = [signature.subarray(0, TIME_BYTES), signature.subarray(TIME_BYTES)];
  if (vkey.type === ML_DSA_44) {
    return mlDsaVerifies(
      "ML-DSA-44",
      vkey.publicKey,
      cosignedMessage(parseCheckpoint(text), vkey.name, time),
      rest,
    );
  }
  const head = utf8(`cosignature/v1\ntime ${checkedTime(time)}\n`);
  return ed25519Verifies(vkey.publicKey, concat(head, utf8(text)), rest);
}

/** What an ML-DSA-44 cosigner signs (C2SP tlog-cosignature), from leaf zero. */
function cosignedMessage(checkpoint: Checkpoint, cosigner: string, time: Bytes): Bytes {
  checkedTime(time);
  const [name, origin] = [utf8(cosigner), utf8(checkpoint.origin)];
  return concat(
    utf8("subtree/v1\n\0"),
    Uint8Array.of(name.length),
    name,
    time,
    Uint8Array.of(origin.length),
    origin,
    new Uint8Array(8),
    bigEndian(checkpoint.size, 8),
    checkpoint.root,
  );
}

function checkedTime(time: Bytes): bigint {
  const seconds = bigOf(time);
  if (seconds === 0n || seconds > SIZE_MAX) bad("a cosigned checkpoint must state its time in seconds");
  return seconds;
}

function statedTime(line: NoteLine): bigint {
  return bigOf(line.signature.subarray(0, TIME_BYTES));
}
