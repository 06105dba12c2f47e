/** C2SP signed notes: a text, the signature lines under it, and the keys that verify them (`docs/spec/checkpoint.md`). */

import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "./bytes";
import { base64, concat, fromBase64, hex, utf8, utf8Text } from "./bytes";
import { NOTE_BYTES_MAX } from "./files";
import { faultOfName } from "./names";
import { recast, refuse } from "./refusal";

export const LINES_MAX = 100;
const KEY_ID_BYTES = 4;
const VKEY_CHARS_MAX = 8192;
const PREFIX = "— ";
// All below a space but the newline.
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

export interface NoteLine {
  readonly name: string;
  /** Eight hex digits. */
  readonly keyId: string;
  readonly signature: Bytes;
}

export interface Note {
  /** With its last newline. */
  readonly text: string;
  readonly lines: readonly NoteLine[];
}

/** A verifier key: its name, its type and the public key; the id follows from them. */
export interface Vkey {
  readonly name: string;
  readonly type: number;
  readonly publicKey: Bytes;
  readonly keyId: string;
}

/** The shape of a note; verifies nothing. Refuses with `limit-exceeded` or `note-malformed`. */
export function parseNote(data: Bytes): Note {
  if (data.length > NOTE_BYTES_MAX) refuse("limit-exceeded", `a note has at most ${NOTE_BYTES_MAX} bytes`);
  const whole = utf8Text(data);
  if (whole === null) malformed("it is not UTF-8");
  if (CONTROL.test(whole)) malformed("it holds a control character");
  const cut = whole.lastIndexOf("\n\n");
  if (cut < 0 || !whole.endsWith("\n") || cut + 2 >= whole.length) {
    malformed("it has no signature lines after an empty line");
  }
  const lines = whole.slice(cut + 2, -1).split("\n");
  if (lines.length > LINES_MAX) refuse("limit-exceeded", `a note has at most ${LINES_MAX} signature lines`);
  return { text: whole.slice(0, cut + 1), lines: lines.map(parseLine) };
}

/** The key of its text form (`vkey-refused`, `limit-exceeded`). */
export function parseVkey(text: string): Vkey {
  if (text.length > VKEY_CHARS_MAX)
    refuse("limit-exceeded", `a verifier key has at most ${VKEY_CHARS_MAX} characters`);
  const first = text.indexOf("+");
  const second = text.indexOf("+", first + 1);
  if (first < 0 || second < 0) bad("it is not a name, a key id and a key, joined by `+`");
  const name = text.slice(0, first);
  const encoded = recast("vkey-refused", "a verifier key is refused", () =>
    fromBase64(text.slice(second + 1)),
  );
  const fault = faultOfName(name);
  if (fault !== null) bad(fault);
  const [type, publicKey] = [encoded[0] ?? 0, encoded.subarray(1)];
  if (type === 0 || type === 0xff || publicKey.length === 0) bad("it has no signature type or no public key");
  const keyId = hex(sha256(concat(utf8(`${name}\n`), encoded)).subarray(0, KEY_ID_BYTES));
  if (text.slice(first + 1, second) !== keyId) bad("its key id does not follow from its name and key");
  return { name, type, publicKey, keyId };
}

/** The text form of a key. */
export function vkeyText(vkey: Vkey): string {
  return `${vkey.name}+${vkey.keyId}+${base64(concat(Uint8Array.of(vkey.type), vkey.publicKey))}`;
}

/** The lines of one key: those of its name and key id. */
export function linesOf(note: Note, vkey: Vkey): readonly NoteLine[] {
  return note.lines.filter((line) => line.name === vkey.name && line.keyId === vkey.keyId);
}

function parseLine(line: string): NoteLine {
  if (!line.startsWith(PREFIX)) malformed("a signature line must begin with an em dash and a space");
  const space = line.indexOf(" ", PREFIX.length);
  if (space < 0) malformed("a signature line must have a name and a signature");
  const name = line.slice(PREFIX.length, space);
  const signature = recast("note-malformed", "a signature line is refused", () =>
    fromBase64(line.slice(space + 1)),
  );
  if (signature.length <= KEY_ID_BYTES) malformed("a signature line is too short");
  const fault = faultOfName(name);
  if (fault !== null) malformed(fault);
  return {
    name,
    keyId: hex(signature.subarray(0, KEY_ID_BYTES)),
    signature: signature.subarray(KEY_ID_BYTES),
  };
}

function malformed(reason: string): never {
  refuse("note-malformed", `the note is refused: ${reason}`);
}

function bad(reason: string): never {
  refuse("vkey-refused", `the verifier key is refused: ${reason}`);
}
