/**
 * SFrame (RFC 9605) with suite 0x0005, AES_256_GCM_SHA512_128: how one frame is sealed under one sender's key.
 *
 * - A sealed frame is `header || ciphertext || tag`; the header names the key (KID) and the counter (CTR).
 * - The nonce is the key's salt XOR the counter, so a counter must never be used twice under one key: `ring.ts` sees to it.
 * - Header and metadata are authenticated; nothing is given out before the tag has verified.
 *
 * Key ids and counters are integers below 2^53 here; longer ones are refused, not rounded.
 */
import type { Bytes } from "../../kernel/bytes";

export const SUITE = 0x0005;
export const SECRET_BYTES = 32;
export const TAG_BYTES = 16;
const KEY_BITS = 256;
const SALT_BYTES = 12;
/** What fits beside the three bits of the first byte. */
const SHORT_MAX = 7;
/** 1 byte of lengths, 8 of KID, 8 of CTR (RFC 9605, section 4.3). */
export const HEADER_BYTES_MAX = 17;

/** Why a frame was not opened; counted, never shown with its content. */
export type FrameFault = "malformed" | "unknown-key" | "other-sender" | "replayed" | "not-authentic";

export class FrameRefused extends Error {
  constructor(readonly fault: FrameFault) {
    super(`the frame is refused: ${fault}`);
  }
}

export interface FrameHeader {
  readonly kid: number;
  readonly counter: number;
  /** Length of the header itself in bytes. */
  readonly size: number;
}

/** One sender's key of one epoch: it opens and seals frames and cannot be exported. */
export interface FrameKey {
  readonly kid: number;
  readonly key: CryptoKey;
  readonly salt: Bytes;
}

/** Derive the frame key of `kid` from a sender's secret (RFC 9605, section 4.4.2). */
export async function deriveFrameKey(secret: Bytes, kid: number): Promise<FrameKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    hkdf("SFrame 1.0 Secret key ", kid),
    material,
    { name: "AES-GCM", length: KEY_BITS },
    false,
    ["encrypt", "decrypt"],
  );
  const salt = await crypto.subtle.deriveBits(hkdf("SFrame 1.0 Secret salt ", kid), material, SALT_BYTES * 8);
  return { kid, key, salt: new Uint8Array(salt) };
}

/** Seal `plaintext` as the frame number `counter` of this key. */
export async function sealFrame(
  key: FrameKey,
  { counter, metadata, plaintext }: { counter: number; metadata: Bytes; plaintext: Bytes },
): Promise<Bytes> {
  const header = encodeHeader(key.kid, counter);
  const parameters = gcm(key, counter, header, metadata);
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, key.key, plaintext));
  return join(header, sealed);
}

/** Open a sealed frame; `FrameRefused` when it is not authentic under this key and metadata. */
export async function openFrame(
  key: FrameKey,
  { header, sealed, metadata }: { header: FrameHeader; sealed: Bytes; metadata: Bytes },
): Promise<Bytes> {
  const parameters = gcm(key, header.counter, sealed.slice(0, header.size), metadata);
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key.key, sealed.subarray(header.size)));
  } catch {
    throw new FrameRefused("not-authentic");
  }
}

/** Encode a header in its shortest form, the only one that is accepted. */
export function encodeHeader(kid: number, counter: number): Bytes {
  const kidBytes = kid <= SHORT_MAX ? new Uint8Array(0) : shortest(kid);
  const counterBytes = counter <= SHORT_MAX ? new Uint8Array(0) : shortest(counter);
  const first = (lengthBits(kid, kidBytes) << 4) | lengthBits(counter, counterBytes);
  return join(new Uint8Array([first]), kidBytes, counterBytes);
}

/** Read the header at the beginning of a sealed frame; `FrameRefused` for any but its shortest form. */
export function readHeader(sealed: Uint8Array): FrameHeader {
  const first = sealed[0];
  if (first === undefined) throw new FrameRefused("malformed");
  const kid = readNumber(sealed, 1, first >> 4);
  const counter = readNumber(sealed, kid.end, first & 15);
  if (sealed.length < counter.end + TAG_BYTES) throw new FrameRefused("malformed");
  return { kid: kid.value, counter: counter.value, size: counter.end };
}

function readNumber(data: Uint8Array, start: number, bits: number): { value: number; end: number } {
  if (bits <= SHORT_MAX) return { value: bits, end: start };
  const end = start + (bits & 7) + 1;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const byte = data[at];
    if (byte === undefined) throw new FrameRefused("malformed");
    value = value * 256 + byte;
  }
  const shortestForm = value > SHORT_MAX && data[start] !== 0;
  if (!shortestForm || !Number.isSafeInteger(value)) throw new FrameRefused("malformed");
  return { value, end };
}

function lengthBits(value: number, encoded: Bytes): number {
  return value <= SHORT_MAX ? value : 8 | (encoded.length - 1);
}

function shortest(value: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError("a key id or counter is an integer below 2^53");
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return new Uint8Array(bytes);
}

function hkdf(label: string, kid: number): HkdfParams {
  const text = new TextEncoder().encode(label);
  const info = new Uint8Array(text.length + 10);
  info.set(text);
  const view = new DataView(info.buffer);
  view.setBigUint64(text.length, BigInt(kid));
  view.setUint16(text.length + 8, SUITE);
  return { name: "HKDF", hash: "SHA-512", salt: new Uint8Array(0), info };
}

function gcm(key: FrameKey, counter: number, header: Bytes, metadata: Bytes): AesGcmParams {
  const iv = key.salt.slice();
  let rest = counter;
  for (let at = SALT_BYTES - 1; rest > 0; at -= 1) {
    iv[at] = (iv[at] ?? 0) ^ (rest % 256);
    rest = Math.floor(rest / 256);
  }
  return { name: "AES-GCM", iv, additionalData: join(header, metadata), tagLength: TAG_BYTES * 8 };
}

function join(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
