/**
 * ML-DSA (FIPS 204), the pure variant with an empty context, by WebCrypto or by `@noble/post-quantum`.
 *
 * Start at `generateMlDsa`, `signMlDsa` and `mlDsaVerifies`.
 */
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";
import { type Bytes, owned, randomBytes } from "./bytes";
import {
  type EngineChoice,
  isNative,
  type KeptPair,
  postQuantumSubtle,
  type PrivateRecord,
  USES,
} from "./engines";
import { sealSecret, withSecret } from "./secrets";

export type MlDsa = "ML-DSA-44" | "ML-DSA-65" | "ML-DSA-87";

/** The seed of a private key (FIPS 204, xi). */
export const MLDSA_SEED_BYTES = 32;

/** Sizes of public keys and signatures (FIPS 204, table 2). */
export const MLDSA_SIZES: Record<MlDsa, { readonly publicBytes: number; readonly signatureBytes: number }> = {
  "ML-DSA-44": { publicBytes: 1312, signatureBytes: 2420 },
  "ML-DSA-65": { publicBytes: 1952, signatureBytes: 3309 },
  "ML-DSA-87": { publicBytes: 2592, signatureBytes: 4627 },
};

const NOBLE = { "ML-DSA-44": ml_dsa44, "ML-DSA-65": ml_dsa65, "ML-DSA-87": ml_dsa87 };

/** A fresh pair; its private half cannot be exported. */
export async function generateMlDsa(alg: MlDsa, choice: EngineChoice = {}): Promise<KeptPair> {
  if (choice.engine === "noble" || !(await isNative(alg)))
    return sealedPair(alg, randomBytes(MLDSA_SEED_BYTES));
  const pair = await postQuantumSubtle().generateKey({ name: alg }, false, [...USES.sign]);
  const publicBytes = new Uint8Array(await postQuantumSubtle().exportKey("raw-public", pair.publicKey));
  return { publicBytes, record: { engine: "webcrypto", key: pair.privateKey } };
}

/** The pair of a seed that was made elsewhere. */
export async function mlDsaFromSeed(alg: MlDsa, seed: Bytes, choice: EngineChoice = {}): Promise<KeptPair> {
  if (choice.engine === "noble" || !(await isNative(alg))) return sealedPair(alg, new Uint8Array(seed));
  const { publicKey, secretKey } = NOBLE[alg].keygen(seed);
  secretKey.fill(0);
  const key = await postQuantumSubtle().importKey("raw-seed", seed, { name: alg }, false, ["sign"]);
  return { publicBytes: owned(publicKey), record: { engine: "webcrypto", key } };
}

/** The signature of a private key over `data`. */
export async function signMlDsa(alg: MlDsa, record: PrivateRecord, data: Bytes): Promise<Bytes> {
  if (record.engine === "webcrypto")
    return new Uint8Array(await crypto.subtle.sign({ name: alg }, record.key, data));
  return withSecret(record, alg, (seed) => {
    const { secretKey } = NOBLE[alg].keygen(seed);
    try {
      return owned(NOBLE[alg].sign(data, secretKey));
    } finally {
      secretKey.fill(0);
    }
  });
}

/** Whether a signature verifies; by the browser where it can, else by noble, and they agree. */
export async function mlDsaVerifies(
  alg: MlDsa,
  publicBytes: Bytes,
  signature: Bytes,
  data: Bytes,
): Promise<boolean> {
  try {
    if (!(await isNative(alg))) return NOBLE[alg].verify(signature, data, publicBytes);
    const key = await postQuantumSubtle().importKey("raw-public", publicBytes, { name: alg }, false, [
      "verify",
    ]);
    return await crypto.subtle.verify({ name: alg }, key, signature, data);
  } catch {
    return false; // bytes that are no key, or no signature, have signed nothing
  }
}

async function sealedPair(alg: MlDsa, seed: Bytes): Promise<KeptPair> {
  const { publicKey, secretKey } = NOBLE[alg].keygen(seed);
  secretKey.fill(0);
  return { publicBytes: owned(publicKey), record: { engine: "noble", ...(await sealSecret(seed, alg)) } };
}
