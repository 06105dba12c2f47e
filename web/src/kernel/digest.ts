/**
 * Digests as text: `sha256:` and 64 lower-case hexadecimal digits.
 *
 * A digest says which algorithm made it, and it has exactly one spelling. Digests are of ciphertext and of public
 * documents only: one of low-entropy patient data can be guessed, so that gets a commitment instead.
 */
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { type Bytes, fromHex, owned, toHex } from "./bytes";
import { type Said, TelesphorError } from "./errors";

/** `sha256:<64 lower-case hex digits>`. */
export type Digest = string & { readonly __digest: true };

/** Size of a SHA-256 digest (FIPS 180-4). */
export const DIGEST_BYTES = 32;

const PREFIX = "sha256:";
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Text that is not a SHA-256 digest in the one accepted form. */
export class InvalidDigest extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("invalid-digest", "invalid", message, said);
  }
}

/** SHA-256, at once; for megabytes use `sha256Large`, which does not hold up its thread. */
export function sha256(data: Uint8Array): Bytes {
  return owned(nobleSha256(data));
}

/** SHA-256 by the browser, off this thread. */
export async function sha256Large(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

/** The SHA-256 digest of `data`, as text. */
export function digestOf(data: Uint8Array): Digest {
  return formatDigest(sha256(data));
}

/** The text of 32 bytes that already are a SHA-256 digest (or a tree root); throws `InvalidDigest`. */
export function formatDigest(digestBytes: Uint8Array): Digest {
  if (digestBytes.length !== DIGEST_BYTES) {
    throw new InvalidDigest(`a digest has ${DIGEST_BYTES} bytes, not ${digestBytes.length}`);
  }
  return `${PREFIX}${toHex(digestBytes)}` as Digest;
}

/** The 32 bytes of a digest text; throws `InvalidDigest` for another algorithm, length or letter case. */
export function parseDigest(text: unknown): Bytes {
  return fromHex(checkDigest(text).slice(PREFIX.length));
}

/** The same text, when it is a digest; throws `InvalidDigest`. */
export function checkDigest(text: unknown): Digest {
  if (typeof text !== "string" || !DIGEST.test(text)) {
    throw new InvalidDigest("the digest does not have the form `sha256:` and 64 lower-case hex digits");
  }
  return text as Digest;
}
