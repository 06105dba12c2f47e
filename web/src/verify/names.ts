/** Names with one spelling each: ids, streams, instants, digests; and what may be shown of a text. */

import { sha256 } from "@noble/hashes/sha2.js";

import type { Bytes } from "./bytes";
import { fromHex, hex, utf8 } from "./bytes";
import { refuse } from "./refusal";

/** 9999-12-31T23:59:59.999Z. */
export const INSTANT_MS_MAX = 253_402_300_799_999;

const ID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const WHOLE_ID = new RegExp(`^${ID}$`);
const STREAM = new RegExp(`^([a-z][a-z0-9-]{0,31})/(${ID})$`);
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;
// The spaces of Unicode, all control characters below a space, the plus sign, halves of surrogate pairs.
const NOT_IN_NAMES =
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u0020+\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|\p{Surrogate}/u;
const NAME_BYTES_MAX = 255;
// General categories C and Z, but the space.
const NOT_PRINTABLE = /(?! )[\p{C}\p{Z}]/u;

/** The same text, when it is a lower-case UUIDv7 (`invalid-id`). */
export function parseId(text: unknown): string {
  if (typeof text !== "string" || !WHOLE_ID.test(text))
    refuse("invalid-id", "the id is not a lower-case UUIDv7");
  return text;
}

/** Kind and id of a stream's name (`invalid-id`). */
export function parseStream(text: unknown): readonly [kind: string, id: string] {
  const match = typeof text === "string" ? STREAM.exec(text) : null;
  if (match?.[1] === undefined || match[2] === undefined) {
    refuse("invalid-id", "the stream does not have the form `kind/uuid`");
  }
  return [match[1], match[2]];
}

/** The name of the stream of this kind and id (`invalid-id`). */
export function streamOf(kind: string, id: string): string {
  parseStream(`${kind}/${id}`);
  return `${kind}/${id}`;
}

/** Milliseconds since 1970 of an instant in its one spelling (`invalid-instant`). */
export function parseInstant(text: unknown): number {
  if (typeof text !== "string" || !INSTANT.test(text)) {
    refuse("invalid-instant", "the instant does not have the accepted form");
  }
  const ms = Date.parse(text);
  // A day that does not exist is moved to another by some readers: only what is written back the same counts.
  if (!(ms >= 0) || new Date(ms).toISOString() !== text) {
    refuse("invalid-instant", "the instant names a day or a time that does not exist");
  }
  return ms;
}

/** The one spelling of an instant (`invalid-instant` beyond the year 9999). */
export function formatInstant(ms: number): string {
  if (!(ms >= 0 && ms <= INSTANT_MS_MAX))
    refuse("invalid-instant", "the instant is outside the years 1970 to 9999");
  return new Date(ms).toISOString();
}

export function digestOf(data: Bytes): string {
  return `sha256:${hex(sha256(data))}`;
}

export function digestOfText(text: string): string {
  return digestOf(utf8(text));
}

export function isDigest(text: unknown): text is string {
  return typeof text === "string" && DIGEST.test(text);
}

/** The 32 bytes of a digest's text (`invalid-digest`). */
export function parseDigest(text: unknown): Bytes {
  if (!isDigest(text))
    refuse("invalid-digest", "the digest does not have the form `sha256:` and 64 hex digits");
  return fromHex(text.slice("sha256:".length));
}

/** Whether nothing in a text could steer a screen or turn it around. */
export function isPrintable(text: string): boolean {
  return !NOT_PRINTABLE.test(text);
}

/** The fault of a name of a key or of an origin, or nothing. */
export function faultOfName(name: string): string | null {
  if (name === "" || utf8(name).length > NAME_BYTES_MAX)
    return `a name has between 1 and ${NAME_BYTES_MAX} bytes`;
  return NOT_IN_NAMES.test(name) ? "a name holds no spaces, no `+` and no control characters" : null;
}
