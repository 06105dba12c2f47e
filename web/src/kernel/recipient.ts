/**
 * The keys that things are sealed to: X-Wing, which is ML-KEM-768 with X25519 (KEM 0x647a of HPKE).
 *
 * Whoever breaks one of the two learns nothing. A private key that is made here cannot be exported; one that was made
 * elsewhere comes in as its seed. Bytes: `docs/spec/sealing.md`; the construction is that of draft-connolly-cfrg-xwing-kem.
 *
 * Start at `generateRecipientKey`.
 */
import { sha3_256, shake256 } from "@noble/hashes/sha3.js";
import * as base64url from "./base64url";
import { type Bytes, concat, fromHex, owned } from "./bytes";
import { type Digest, digestOf } from "./digest";
import { agree, CURVE_BYTES, curveFromSeed, generateCurve, X25519 } from "./edwards";
import type { EngineChoice, KeptPair } from "./engines";
import { type Said, TelesphorError } from "./errors";
import {
  decapsulate,
  encapsulate,
  generateMlKem,
  isMlKemPublic,
  MLKEM_CIPHERTEXT_BYTES,
  MLKEM_PUBLIC_BYTES,
  MLKEM_SEED_BYTES,
  mlKemFromSeed,
} from "./mlkem";

/** A public key: that of ML-KEM-768, and then that of X25519. */
export const RECIPIENT_PUBLIC_BYTES = MLKEM_PUBLIC_BYTES + CURVE_BYTES;
/** A private key as it is handed over: its seed. */
export const RECIPIENT_SEED_BYTES = 32;
/** What carries a secret to the holder of a key. */
export const ENC_BYTES = MLKEM_CIPHERTEXT_BYTES + CURVE_BYTES;

/** `\.//^\`, which sets X-Wing's secrets apart from those of any other hash over the same parts. */
const LABEL = fromHex("5c2e2f2f5e5c");

/** The bytes are not an X-Wing key. */
export class RecipientKeyRefused extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("recipient-key-refused", "invalid", message, said);
  }
}

/** An X-Wing public key; `RecipientKeyRefused` when it is none. */
export class RecipientPublic {
  readonly bytes: Bytes;
  readonly #thumbprint: Digest;

  constructor(publicBytes: Uint8Array) {
    if (publicBytes.length !== RECIPIENT_PUBLIC_BYTES) {
      throw new RecipientKeyRefused(
        `a recipient's public key must be exactly ${RECIPIENT_PUBLIC_BYTES} bytes`,
      );
    }
    if (!isMlKemPublic(publicBytes.subarray(0, MLKEM_PUBLIC_BYTES))) {
      throw new RecipientKeyRefused("the recipient's public key is not a valid key");
    }
    this.bytes = owned(publicBytes);
    this.#thumbprint = digestOf(publicBytes);
  }

  /** The key that commands and entries carry as base64url. */
  static fromText(text: string): RecipientPublic {
    return new RecipientPublic(base64url.decode(text));
  }

  /** The digest of the public bytes: the name of the key. */
  thumbprint(): Digest {
    return this.#thumbprint;
  }
}

/** An X-Wing private key. */
export interface RecipientKey {
  readonly public: RecipientPublic;
  /** The shared secret (32 bytes) that `enc` carries: another one, and no error, where `enc` is for another key. */
  decapsulate(enc: Bytes): Promise<Bytes>;
}

/** A private key as it is kept. */
export interface KeptRecipientKey {
  readonly mlkem: KeptPair;
  readonly x25519: KeptPair;
}

/** A private key that can be kept, and cannot be exported. */
export class KeptRecipient implements RecipientKey {
  readonly public: RecipientPublic;
  readonly kept: KeptRecipientKey;
  readonly #curveKey: CryptoKey;

  constructor(kept: KeptRecipientKey) {
    if (kept.x25519.record.engine !== "webcrypto")
      throw new RecipientKeyRefused("an X25519 key is WebCrypto's own");
    this.public = new RecipientPublic(concat(kept.mlkem.publicBytes, kept.x25519.publicBytes));
    this.kept = kept;
    this.#curveKey = kept.x25519.record.key;
  }

  async decapsulate(enc: Bytes): Promise<Bytes> {
    const { ciphertext, share } = cutEnc(enc);
    const [latticeSecret, curveSecret] = await Promise.all([
      decapsulate(this.kept.mlkem.record, ciphertext),
      agree(this.#curveKey, share),
    ]);
    return combine({ latticeSecret, curveSecret, share, publicShare: this.kept.x25519.publicBytes });
  }
}

/** A fresh key; it cannot be exported. */
export async function generateRecipientKey(choice: EngineChoice = {}): Promise<KeptRecipient> {
  const [mlkem, x25519] = await Promise.all([generateMlKem(choice), generateCurve(X25519)]);
  return new KeptRecipient({ mlkem, x25519 });
}

/** The key of a seed of 32 bytes that was made elsewhere. */
export async function recipientKeyFromSeed(
  seed: Uint8Array,
  choice: EngineChoice = {},
): Promise<KeptRecipient> {
  if (seed.length !== RECIPIENT_SEED_BYTES) {
    throw new RecipientKeyRefused(`a recipient's seed must be exactly ${RECIPIENT_SEED_BYTES} bytes`);
  }
  const expanded = owned(shake256(seed, { dkLen: MLKEM_SEED_BYTES + CURVE_BYTES }));
  const [mlkem, x25519] = await Promise.all([
    mlKemFromSeed(expanded.slice(0, MLKEM_SEED_BYTES), choice),
    curveFromSeed(X25519, expanded.slice(MLKEM_SEED_BYTES)),
  ]);
  expanded.fill(0);
  return new KeptRecipient({ mlkem, x25519 });
}

/** A fresh shared secret for the holder of a key, and what carries it there; throws `RecipientKeyRefused`. */
export async function encapsulateTo(
  recipient: RecipientPublic,
): Promise<{ readonly secret: Bytes; readonly enc: Bytes }> {
  const publicShare = recipient.bytes.slice(MLKEM_PUBLIC_BYTES);
  const { publicBytes: share, record } = await generateCurve(X25519);
  if (record.engine !== "webcrypto") throw new RecipientKeyRefused("an X25519 key is WebCrypto's own");
  try {
    const { secret: latticeSecret, ciphertext } = await encapsulate(
      recipient.bytes.slice(0, MLKEM_PUBLIC_BYTES),
    );
    const curveSecret = await agree(record.key, publicShare);
    return {
      secret: combine({ latticeSecret, curveSecret, share, publicShare }),
      enc: concat(ciphertext, share),
    };
  } catch (cause) {
    // An X25519 key of small order agrees on nothing secret (RFC 7748, section 6.1).
    throw new RecipientKeyRefused("the recipient's public key cannot be sealed to", { cause });
  }
}

interface Shares {
  readonly latticeSecret: Bytes;
  readonly curveSecret: Bytes;
  readonly share: Bytes;
  readonly publicShare: Bytes;
}

function combine({ latticeSecret, curveSecret, share, publicShare }: Shares): Bytes {
  const secret = owned(sha3_256(concat(latticeSecret, curveSecret, share, publicShare, LABEL)));
  latticeSecret.fill(0);
  curveSecret.fill(0);
  return secret;
}

function cutEnc(enc: Bytes): { readonly ciphertext: Bytes; readonly share: Bytes } {
  if (enc.length !== ENC_BYTES) throw new RecipientKeyRefused(`what carries a secret has ${ENC_BYTES} bytes`);
  return { ciphertext: enc.slice(0, MLKEM_CIPHERTEXT_BYTES), share: enc.slice(MLKEM_CIPHERTEXT_BYTES) };
}
