/**
 * ML-KEM-768 (FIPS 203) by WebCrypto or by `@noble/post-quantum`.
 */
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
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

const ALG = "ML-KEM-768";

export const MLKEM_PUBLIC_BYTES = 1184;
export const MLKEM_CIPHERTEXT_BYTES = 1088;
/** The seed of a private key: `d` and then `z` (FIPS 203). */
export const MLKEM_SEED_BYTES = 64;

/** Bytes of a public key that hold coefficients; the other 32 are a seed. */
const COEFFICIENT_BYTES = 1152;
const MODULUS = 3329;

/** A shared secret, and what carries it to the holder of the private key. */
export interface Encapsulation {
  readonly secret: Bytes;
  readonly ciphertext: Bytes;
}

/** A fresh pair; its private half cannot be exported. */
export async function generateMlKem(choice: EngineChoice = {}): Promise<KeptPair> {
  if (choice.engine === "noble" || !(await isNative(ALG))) return sealedPair(randomBytes(MLKEM_SEED_BYTES));
  const pair = await postQuantumSubtle().generateKey({ name: ALG }, false, [...USES.encapsulate]);
  const publicBytes = new Uint8Array(await postQuantumSubtle().exportKey("raw-public", pair.publicKey));
  return { publicBytes, record: { engine: "webcrypto", key: pair.privateKey } };
}

/** The pair of a seed that was made elsewhere. */
export async function mlKemFromSeed(seed: Bytes, choice: EngineChoice = {}): Promise<KeptPair> {
  if (choice.engine === "noble" || !(await isNative(ALG))) return sealedPair(new Uint8Array(seed));
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  secretKey.fill(0);
  const key = await postQuantumSubtle().importKey("raw-seed", seed, { name: ALG }, false, [
    "decapsulateBits",
  ]);
  return { publicBytes: owned(publicKey), record: { engine: "webcrypto", key } };
}

/** Whether bytes are a public key: of its size, each coefficient below the modulus (FIPS 203, section 7.2). */
export function isMlKemPublic(publicBytes: Uint8Array): boolean {
  if (publicBytes.length !== MLKEM_PUBLIC_BYTES) return false;
  for (let at = 0; at < COEFFICIENT_BYTES; at += 3) {
    const [low = 0, middle = 0, high = 0] = publicBytes.subarray(at, at + 3);
    if ((((middle & 0x0f) << 8) | low) >= MODULUS || ((high << 4) | (middle >> 4)) >= MODULUS) return false;
  }
  return true;
}

/** A fresh secret for the holder of a key; throws where the bytes are no key. */
export async function encapsulate(publicBytes: Bytes): Promise<Encapsulation> {
  if (!(await isNative(ALG))) {
    const { sharedSecret, cipherText } = ml_kem768.encapsulate(publicBytes);
    return { secret: owned(sharedSecret), ciphertext: owned(cipherText) };
  }
  const key = await postQuantumSubtle().importKey("raw-public", publicBytes, { name: ALG }, false, [
    "encapsulateBits",
  ]);
  const { sharedKey, ciphertext } = await postQuantumSubtle().encapsulateBits({ name: ALG }, key);
  return { secret: new Uint8Array(sharedKey), ciphertext: new Uint8Array(ciphertext) };
}

/** The secret in a ciphertext: another one, and no error, for a ciphertext that was made for another key or altered. */
export async function decapsulate(record: PrivateRecord, ciphertext: Bytes): Promise<Bytes> {
  if (record.engine === "webcrypto") {
    return new Uint8Array(await postQuantumSubtle().decapsulateBits({ name: ALG }, record.key, ciphertext));
  }
  return withSecret(record, ALG, (seed) => {
    const { secretKey } = ml_kem768.keygen(seed);
    try {
      return owned(ml_kem768.decapsulate(ciphertext, secretKey));
    } finally {
      secretKey.fill(0);
    }
  });
}

async function sealedPair(seed: Bytes): Promise<KeptPair> {
  const { publicKey, secretKey } = ml_kem768.keygen(seed);
  secretKey.fill(0);
  return { publicBytes: owned(publicKey), record: { engine: "noble", ...(await sealSecret(seed, ALG)) } };
}
