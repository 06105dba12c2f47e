/**
 * Base64, strictly: one text for one string of bytes.
 *
 * Two alphabets of RFC 4648: base64url without padding (section 5; JOSE, salts, nonces), and standard base64 with
 * padding (section 4; signed notes).
 *
 * INVARIANT: decoding accepts exactly the texts that encoding produces. No white space, no missing or surplus padding,
 * no stray low bits; so base64 cannot be used to change bytes that were signed.
 */
import type { Bytes } from "./bytes";
import { type Said, TelesphorError } from "./errors";

const URL_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const STD_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NOT_A_DIGIT = 0xff;

/** Letters that are turned into text in one call: an argument list has a limit, and a call per letter is slow. */
const LETTERS_AT_ONCE = 8_192;

/** Text that is not the one base64 spelling of any bytes. */
export class NotBase64 extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("not-base64", "invalid", message, said);
  }
}

/** Base64url without padding (RFC 4648 section 5, RFC 7515 section 2). */
export function encode(data: Uint8Array): string {
  return write(data, URL_CODES);
}

/** The bytes of base64url text without padding; throws `NotBase64` for anything that `encode` would not have written. */
export function decode(text: string): Bytes {
  return read(text, URL_VALUES);
}

/** Standard base64 with padding (RFC 4648 section 4). */
export function stdEncode(data: Uint8Array): string {
  return write(data, STD_CODES) + paddingOf(data.length);
}

/** The bytes of standard base64 text with padding; throws `NotBase64` for anything that `stdEncode` would not have written. */
export function stdDecode(text: string): Bytes {
  const bare = text.replace(/={1,2}$/, "");
  const data = read(bare, STD_VALUES);
  if (text !== bare + paddingOf(data.length))
    throw new NotBase64("the text is not canonical base64 with padding");
  return data;
}

const URL_CODES = codesOf(URL_ALPHABET);
const STD_CODES = codesOf(STD_ALPHABET);
const URL_VALUES = valuesOf(URL_ALPHABET);
const STD_VALUES = valuesOf(STD_ALPHABET);

function write(data: Uint8Array, codes: Uint8Array): string {
  const letters = new Uint8Array(Math.ceil((data.length * 4) / 3));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const byte of data) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      letters[at++] = codes[(held >> bits) & 63] as number;
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) letters[at] = codes[(held << (6 - bits)) & 63] as number;
  return textOf(letters);
}

function read(text: string, values: Uint8Array): Bytes {
  if (text.length % 4 === 1)
    throw new NotBase64("the text is not base64: no bytes are spelled with so many letters");
  const data = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    const value = values[text.charCodeAt(index)] ?? NOT_A_DIGIT;
    if (value === NOT_A_DIGIT)
      throw new NotBase64("the text is not base64: it holds a letter of another alphabet");
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      data[at++] = (held >> bits) & 0xff;
    }
    held &= (1 << bits) - 1;
  }
  if (held !== 0) throw new NotBase64("the text is not canonical base64: it has stray bits at its end");
  return data;
}

function textOf(letters: Uint8Array): string {
  let text = "";
  for (let at = 0; at < letters.length; at += LETTERS_AT_ONCE) {
    text += String.fromCharCode(...letters.subarray(at, at + LETTERS_AT_ONCE));
  }
  return text;
}

function paddingOf(size: number): string {
  return "=".repeat((3 - (size % 3)) % 3);
}

function codesOf(alphabet: string): Uint8Array {
  return Uint8Array.from(alphabet, (letter) => letter.charCodeAt(0));
}

function valuesOf(alphabet: string): Uint8Array {
  const values = new Uint8Array(128).fill(NOT_A_DIGIT);
  for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value;
  return values;
}
