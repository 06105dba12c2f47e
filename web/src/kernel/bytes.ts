/**
 * Bytes: joining, comparing and writing them.
 *
 * What this module guarantees: `equal` takes the same time wherever two strings of bytes differ, and text becomes bytes
 * (and back) strictly, never with a replacement character.
 */

/** Bytes that no other thread shares, as WebCrypto asks for. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** More than this is asked of the random generator in pieces (Web Cryptography API, `getRandomValues`). */
const RANDOM_BYTES_MAX = 65_536;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One after the other, in a new buffer. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether both are the same bytes; the time depends on their length alone. */
export function equal(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= (one[at] as number) ^ (other[at] as number);
  return difference === 0;
}

/** The same bytes in a buffer of their own, unless they have one already. */
export function owned(data: Uint8Array): Bytes {
  return data.buffer instanceof ArrayBuffer ? (data as Bytes) : new Uint8Array(data);
}

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Bytes {
  return ENCODER.encode(text);
}

/** The text of UTF-8 bytes, a byte order mark kept; throws `TypeError` where they are none. */
export function utf8Text(data: Uint8Array): string {
  return DECODER.decode(data);
}

/** Lower-case hexadecimal. */
export function toHex(data: Uint8Array): string {
  let text = "";
  for (const byte of data) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The bytes of lower-case hexadecimal; throws `TypeError` where it is none. */
export function fromHex(text: string): Bytes {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
    throw new TypeError("the text is not lower-case hexadecimal");
  const data = new Uint8Array(text.length / 2);
  for (let at = 0; at < data.length; at++) data[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return data;
}

/** Bytes from the operating system's random generator. */
export function randomBytes(count: number): Bytes {
  const data = new Uint8Array(count);
  for (let at = 0; at < count; at += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(data.subarray(at, at + RANDOM_BYTES_MAX));
  }
  return data;
}
