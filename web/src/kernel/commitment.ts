/**
 * Commitments: a value is fixed on the ledger today and shown, perhaps, later.
 *
 * `HMAC-SHA256(key, canonical value)` under a fresh random key of 32 bytes. The ledger's text alone says nothing about
 * the value, even when there are only two it could be. Bytes: `docs/spec/commitment.md`.
 *
 * INVARIANT: one key is used for one value.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { type Bytes, equal, toHex, utf8 } from "./bytes";
import { type Said, TelesphorError } from "./errors";

/** As long as the hash, so that the key can be neither guessed nor (RFC 2104 section 3) shortened. */
export const COMMITMENT_KEY_BYTES = 32;

const PREFIX = "hmac-sha256:";
const COMMITMENT = /^hmac-sha256:[0-9a-f]{64}$/;

/** The key and the value do not open the commitment, or it is none. */
export class CommitmentRefused extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("commitment-refused", "invalid", message, said);
  }
}

/** The commitment to a value's canonical bytes under 32 fresh random bytes; throws `CommitmentRefused` for another key. */
export function commit(value: Uint8Array, key: Uint8Array): string {
  if (key.length !== COMMITMENT_KEY_BYTES) {
    throw new CommitmentRefused(`a commitment's key has ${COMMITMENT_KEY_BYTES} bytes, not ${key.length}`);
  }
  return PREFIX + toHex(hmac(sha256, key, value));
}

/** What a commitment is opened with. */
export interface Opening {
  readonly commitment: string;
  /** The value as `canonical.encode` writes it. */
  readonly value: Bytes;
  readonly key: Bytes;
}

/** Check that the commitment was made to exactly these bytes under this key; throws `CommitmentRefused`. */
export function openCommitment({ commitment, value, key }: Opening): void {
  if (!COMMITMENT.test(commitment)) {
    throw new CommitmentRefused("the commitment does not have the form `hmac-sha256:` and 64 hex digits");
  }
  if (!equal(utf8(commit(value, key)), utf8(commitment))) {
    throw new CommitmentRefused("the value and the key do not open the commitment");
  }
}
