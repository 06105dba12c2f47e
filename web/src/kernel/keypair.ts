/**
 * The key pairs that sign: Ed25519 with one ML-DSA key, always both.
 *
 * A `VerifyKey` is the two public keys with their names, a `SigningKey` signs with both private ones. What this module
 * guarantees: a pair of unusable material cannot be built, public pairs have one spelling as JWKs, and nothing signs with
 * one half alone. Bytes: `docs/spec/signatures.md`.
 */
import * as base64url from "./base64url";
import type { Bytes } from "./bytes";
import * as canonical from "./canonical";
import { type Digest, digestOf, sha256 } from "./digest";
import { CURVE_BYTES, curveFromSeed, ED25519, ED25519_SIGNATURE_BYTES, generateCurve } from "./edwards";
import type { EngineChoice, KeptPair } from "./engines";
import { type Said, TelesphorError } from "./errors";
import { generateMlDsa, MLDSA_SEED_BYTES, MLDSA_SIZES, type MlDsa, mlDsaFromSeed, signMlDsa } from "./mldsa";

/** Who signs: actors, devices and nodes; the offline root; witnesses and logs, for their cards. */
export type SuiteName = "ACTOR" | "ROOT" | "WITNESS";

/** The ML-DSA half of each suite, by its RFC 9964 name. */
export const SUITES: Record<SuiteName, MlDsa> = {
  ACTOR: "ML-DSA-65",
  ROOT: "ML-DSA-87",
  WITNESS: "ML-DSA-44",
};

/** A public key as a JWK: OKP (RFC 8037) or AKP (RFC 9964). */
export type Jwk = Readonly<Record<string, string>>;

/** Key material is of the wrong size, type or spelling. */
export class KeyRefused extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("key-refused", "invalid", message, said);
  }
}

/** What a public pair is built from. */
export interface PublicPair {
  readonly suite: SuiteName;
  readonly ed25519Pub: Bytes;
  readonly mldsaPub: Bytes;
}

/** The public pair of one actor, or of the root; one with unusable material cannot be built (`KeyRefused`). */
export class VerifyKey implements PublicPair {
  readonly suite: SuiteName;
  readonly ed25519Pub: Bytes;
  readonly mldsaPub: Bytes;
  readonly #jwks: readonly [Jwk, Jwk];
  readonly #thumbprints: readonly [string, string];

  constructor({ suite, ed25519Pub, mldsaPub }: PublicPair) {
    checkSize("the Ed25519 public key", ed25519Pub, CURVE_BYTES);
    checkSize("the ML-DSA public key", mldsaPub, MLDSA_SIZES[SUITES[suite]].publicBytes);
    this.suite = suite;
    this.ed25519Pub = ed25519Pub;
    this.mldsaPub = mldsaPub;
    this.#jwks = [
      { alg: ED25519, crv: ED25519, kty: "OKP", x: base64url.encode(ed25519Pub) },
      { alg: SUITES[suite], kty: "AKP", pub: base64url.encode(mldsaPub) },
    ];
    this.#thumbprints = [thumbprintOf(this.#jwks[0]), thumbprintOf(this.#jwks[1])];
  }

  /** Read a pair from exactly the two JWKs that `jwks` writes; throws `KeyRefused` for anything else. */
  static fromJwks(jwks: unknown): VerifyKey {
    if (!Array.isArray(jwks) || jwks.length !== 2)
      throw new KeyRefused("a pair of keys is a list of exactly two JWKs");
    const suite = suiteOf(jwks[1]);
    const ed25519Pub = jwkBytes(jwks[0], { kty: "OKP", crv: ED25519, alg: ED25519 }, "x");
    const mldsaPub = jwkBytes(jwks[1], { kty: "AKP", alg: SUITES[suite] }, "pub");
    return new VerifyKey({ suite, ed25519Pub, mldsaPub });
  }

  /** The two algorithms, in the order of the signatures. */
  get algs(): readonly [typeof ED25519, MlDsa] {
    return [ED25519, SUITES[this.suite]];
  }

  /** Sizes of the two signatures, in their order. */
  get signatureBytes(): readonly [number, number] {
    return [ED25519_SIGNATURE_BYTES, MLDSA_SIZES[SUITES[this.suite]].signatureBytes];
  }

  /** The pair as two JWKs, each with its `alg`. */
  jwks(): [Jwk, Jwk] {
    return [{ ...this.#jwks[0] }, { ...this.#jwks[1] }];
  }

  /** Both thumbprints (RFC 7638 with SHA-256; for AKP as RFC 9964 says), base64url. */
  thumbprints(): readonly [string, string] {
    return this.#thumbprints;
  }

  /** One name for the pair: the digest of the canonical list of its two thumbprints. */
  get keyId(): Digest {
    return digestOf(canonical.encode(this.#thumbprints));
  }
}

/** A private pair. */
export interface SigningKey {
  readonly public: VerifyKey;
  /** The Ed25519 signature of one text and the ML-DSA signature of another: always both. */
  sign(first: Bytes, second: Bytes): Promise<readonly [Bytes, Bytes]>;
}

/** A private pair as it is kept. */
export interface KeptSigningKey {
  readonly suite: SuiteName;
  readonly ed25519: KeptPair;
  readonly mldsa: KeptPair;
}

/** A private pair whose halves can be kept, and cannot be exported. */
export class KeptKey implements SigningKey {
  readonly public: VerifyKey;
  readonly kept: KeptSigningKey;

  constructor(kept: KeptSigningKey) {
    if (kept.ed25519.record.engine !== "webcrypto") throw new KeyRefused("an Ed25519 key is WebCrypto's own");
    const { suite, ed25519, mldsa } = kept;
    this.public = new VerifyKey({ suite, ed25519Pub: ed25519.publicBytes, mldsaPub: mldsa.publicBytes });
    this.kept = kept;
  }

  async sign(first: Bytes, second: Bytes): Promise<readonly [Bytes, Bytes]> {
    const { suite, ed25519, mldsa } = this.kept;
    if (ed25519.record.engine !== "webcrypto") throw new KeyRefused("an Ed25519 key is WebCrypto's own");
    const [one, other] = await Promise.all([
      crypto.subtle.sign({ name: ED25519 }, ed25519.record.key, first),
      signMlDsa(SUITES[suite], mldsa.record, second),
    ]);
    return [new Uint8Array(one), other];
  }
}

/** A fresh pair of an actor; neither half can be exported. */
export async function generateSigningKey(choice: EngineChoice = {}): Promise<KeptKey> {
  const [ed25519, mldsa] = await Promise.all([generateCurve(ED25519), generateMlDsa(SUITES.ACTOR, choice)]);
  return new KeptKey({ suite: "ACTOR", ed25519, mldsa });
}

/** The two independent seeds of a pair that was made elsewhere, 32 bytes each. */
export interface SigningSeeds {
  readonly suite: SuiteName;
  readonly ed25519: Bytes;
  readonly mldsa: Bytes;
}

/** The pair of two seeds. */
export async function signingKeyFromSeeds(seeds: SigningSeeds, choice: EngineChoice = {}): Promise<KeptKey> {
  checkSize("the Ed25519 seed", seeds.ed25519, CURVE_BYTES);
  checkSize("the ML-DSA seed", seeds.mldsa, MLDSA_SEED_BYTES);
  const [ed25519, mldsa] = await Promise.all([
    curveFromSeed(ED25519, seeds.ed25519),
    mlDsaFromSeed(SUITES[seeds.suite], seeds.mldsa, choice),
  ]);
  return new KeptKey({ suite: seeds.suite, ed25519, mldsa });
}

function checkSize(what: string, value: Uint8Array, size: number): void {
  if (value.length !== size) throw new KeyRefused(`${what} must be exactly ${size} bytes`);
}

function thumbprintOf(jwk: Jwk): string {
  // RFC 7638, section 3.2, for OKP (RFC 8037, section 2: no `alg`); RFC 9964 for AKP (with `alg`).
  const { alg, crv, kty, pub, x } = jwk;
  const required = kty === "OKP" ? { crv, kty, x } : { alg, kty, pub };
  return base64url.encode(sha256(canonical.encode(required)));
}

function suiteOf(jwk: unknown): SuiteName {
  const alg = canonical.isObject(jwk) ? jwk.alg : null;
  for (const [suite, name] of Object.entries(SUITES)) if (name === alg) return suite as SuiteName;
  throw new KeyRefused("the second JWK must be an ML-DSA key of a known suite");
}

function jwkBytes(jwk: unknown, fixed: Jwk, member: string): Bytes {
  const names = [...Object.keys(fixed), member];
  if (!canonical.hasExactly(jwk, names))
    throw new KeyRefused(`a JWK must have exactly the members \`${names.sort().join(", ")}\``);
  const text = jwk[member];
  if (Object.entries(fixed).some(([name, value]) => jwk[name] !== value) || typeof text !== "string") {
    throw new KeyRefused(`a JWK of kind \`${fixed.kty}\` must be of \`${fixed.alg}\``);
  }
  try {
    return base64url.decode(text);
  } catch (cause) {
    throw new KeyRefused(`the member \`${member}\` of a JWK is not canonical base64url`, { cause });
  }
}
