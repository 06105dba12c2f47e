/** Bytes and their spellings: UTF-8, hex and the two base64 alphabets, each with exactly one accepted spelling. */

import { refuse } from "./refusal";

export type Bytes = Uint8Array;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const ENCODER = new TextEncoder();
const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE = `${STANDARD.slice(0, 62)}-_`;
/** A string is built from pieces of this size, so that no call has too many arguments. */
const PIECE = 8192;

export function utf8(text: string): Bytes {
  return ENCODER.encode(text);
}

/** The text of UTF-8 bytes, a byte order mark included; nothing when they are not UTF-8. */
export function utf8Text(data: Bytes): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}

/** The text of ASCII bytes; nothing when they are not all ASCII. */
export function asciiText(data: Bytes): string | null {
  for (const byte of data) if (byte > 0x7f) return null;
  return latin(data);
}

export function concat(...parts: readonly Bytes[]): Bytes {
  return concatAll(parts);
}

/** As `concat`, for lists that are too long to be arguments. */
export function concatAll(parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equal(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

export function hex(data: Bytes): string {
  let text = "";
  for (const byte of data) text += HEX[byte];
  return text;
}

/** The bytes of hex digits that are known to be well formed. */
export function fromHex(text: string): Bytes {
  const data = new Uint8Array(text.length / 2);
  for (let at = 0; at < data.length; at++) data[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return data;
}

/** Big-endian, in `size` bytes. */
export function bigEndian(value: bigint, size: number): Bytes {
  const data = new Uint8Array(size);
  for (let at = size - 1; at >= 0; at--, value >>= 8n) data[at] = Number(value & 0xffn);
  return data;
}

export function bigOf(data: Bytes): bigint {
  return data.length === 0 ? 0n : BigInt(`0x${hex(data)}`);
}

/** Base64url without padding (RFC 4648 section 5). */
export function base64url(data: Bytes): string {
  return encode(data, URL_SAFE, false);
}

/** Standard base64 with padding (RFC 4648 section 4). */
export function base64(data: Bytes): string {
  return encode(data, STANDARD, true);
}

/** The bytes of base64url text; anything that `base64url` would not have written is `not-base64`. */
export function fromBase64url(text: string): Bytes {
  return decode(text, text, FROM_URL_SAFE);
}

/** The bytes of standard base64 text with padding, as strictly. */
export function fromBase64(text: string): Bytes {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (text.length % 4 !== 0) refuse("not-base64", "the text is not canonical base64 with padding");
  const data = decode(text.slice(0, text.length - padding), text, FROM_STANDARD);
  if ((3 - (data.length % 3)) % 3 !== padding) {
    refuse("not-base64", "the text is not canonical base64 with padding");
  }
  return data;
}

const FROM_STANDARD = tableOf(STANDARD);
const FROM_URL_SAFE = tableOf(URL_SAFE);

function tableOf(alphabet: string): Int8Array {
  const table = new Int8Array(128).fill(-1);
  for (let at = 0; at < alphabet.length; at++) table[alphabet.charCodeAt(at)] = at;
  return table;
}

function encode(data: Bytes, alphabet: string, padded: boolean): string {
  const codes = new Uint8Array(Math.ceil(data.length / 3) * 4).fill(0x3d);
  const marks = utf8(alphabet);
  let size = 0;
  for (let at = 0; at < data.length; at += 3) {
    const [a, b, c] = [data[at] ?? 0, data[at + 1], data[at + 2]];
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0);
    const places = c !== undefined ? 4 : b !== undefined ? 3 : 2;
    for (let place = 0; place < places; place++) {
      codes[size++] = marks[(bits >> (18 - 6 * place)) & 63] ?? 0;
    }
  }
  return latin(padded ? codes : codes.subarray(0, size));
}

function decode(digits: string, whole: string, table: Int8Array): Bytes {
  const rest = digits.length % 4;
  if (rest === 1) refuse("not-base64", "the text is not base64");
  const data = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let size = 0;
  let bits = 0;
  let held = 0;
  for (let at = 0; at < digits.length; at++) {
    const code = digits.charCodeAt(at);
    const value = code < 128 ? (table[code] ?? -1) : -1;
    if (value < 0) refuse("not-base64", "the text holds something that is not base64");
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      data[size++] = (bits >> held) & 0xff;
    }
  }
  // Low bits that no byte takes must be clear, or two texts would mean the same bytes.
  if ((bits & ((1 << held) - 1)) !== 0)
    refuse("not-base64", `base64 of ${whole.length} characters is not canonical`);
  return data;
}

/** Each byte as the character of its number. */
function latin(data: Bytes): string {
  let text = "";
  for (let at = 0; at < data.length; at += PIECE) {
    text += String.fromCharCode(...data.subarray(at, at + PIECE));
  }
  return text;
}
