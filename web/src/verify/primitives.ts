/**
 * The signature algorithms, each with one implementation in every browser, so that a verdict never depends on where
 * it was reached. Nothing here needs a secure context, a network or a clock.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";

import type { Bytes } from "./bytes";
import { concat, equal } from "./bytes";

export type MlDsaName = "ML-DSA-44" | "ML-DSA-65" | "ML-DSA-87";

export interface MlDsaSizes {
  readonly publicBytes: number;
  readonly signatureBytes: number;
}

/** FIPS 204, table 2. */
export const ML_DSA: Readonly<Record<MlDsaName, MlDsaSizes>> = {
  "ML-DSA-44": { publicBytes: 1312, signatureBytes: 2420 },
  "ML-DSA-65": { publicBytes: 1952, signatureBytes: 3309 },
  "ML-DSA-87": { publicBytes: 2592, signatureBytes: 4627 },
};

const VERIFIERS = { "ML-DSA-44": ml_dsa44, "ML-DSA-65": ml_dsa65, "ML-DSA-87": ml_dsa87 };
const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

/** Pure ML-DSA with an empty context (FIPS 204; RFC 9964). */
export function mlDsaVerifies(name: MlDsaName, key: Bytes, signed: Bytes, signature: Bytes): boolean {
  const { publicBytes, signatureBytes } = ML_DSA[name];
  if (key.length !== publicBytes || signature.length !== signatureBytes) return false;
  try {
    return VERIFIERS[name].verify(signature, signed, key);
  } catch {
    return false;
  }
}

/**
 * Ed25519 (RFC 8032 section 5.1.7) by the equation without the cofactor, comparing the bytes of R: what OpenSSL and
 * BoringSSL do, and so what the other verifiers do. Libraries differ in points of small order, which only whoever
 * holds the key can make.
 */
export function ed25519Verifies(key: Bytes, signed: Bytes, signature: Bytes): boolean {
  if (key.length !== 32 || signature.length !== 64) return false;
  const [r, s] = [signature.subarray(0, 32), bytesToNumberLE(signature.subarray(32))];
  if (s >= ORDER) return false;
  try {
    const point = Point.fromBytes(key, true);
    const challenge = bytesToNumberLE(sha512(concat(r, key, signed))) % ORDER;
    const expected = Point.BASE.multiplyUnsafe(s).subtract(point.multiplyUnsafe(challenge));
    return equal(expected.toBytes(), r);
  } catch {
    return false;
  }
}
