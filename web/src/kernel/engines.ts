/**
 * Which of two engines holds a private key: the browser's WebCrypto, or `@noble/post-quantum` over sealed seeds.
 *
 * WebCrypto's own is used wherever it has the algorithm, since its keys cannot be read by anybody; Ed25519 and X25519 are
 * always WebCrypto's. The post-quantum methods are not yet in TypeScript's own description of WebCrypto, so they are
 * described here, after the draft "Modern Algorithms in the Web Cryptography API".
 *
 * INVARIANT: a private key of either engine cannot be exported.
 */
import type { Bytes } from "./bytes";
import type { SealedSecret } from "./secrets";

/** A post-quantum algorithm that a browser may have. */
export type PostQuantum = "ML-DSA-44" | "ML-DSA-65" | "ML-DSA-87" | "ML-KEM-768";

/** A private key as it is kept: the browser's own, or a seed that is sealed. */
export type PrivateRecord =
  { readonly engine: "webcrypto"; readonly key: CryptoKey } | ({ readonly engine: "noble" } & SealedSecret);

/** A public key with its private one. */
export interface KeptPair {
  readonly publicBytes: Bytes;
  readonly record: PrivateRecord;
}

/** Where a key is to be made. */
export interface EngineChoice {
  /** `noble` even where the browser has the algorithm; the default is the browser's own wherever it has it. */
  readonly engine?: "noble" | undefined;
}

interface Encapsulated {
  readonly sharedKey: ArrayBuffer;
  readonly ciphertext: ArrayBuffer;
}

/** WebCrypto's methods for post-quantum keys. */
export interface PostQuantumSubtle {
  generateKey(
    algorithm: { name: PostQuantum },
    extractable: boolean,
    usages: string[],
  ): Promise<CryptoKeyPair>;
  importKey(
    format: "raw-public" | "raw-seed",
    data: Bytes,
    algorithm: { name: PostQuantum },
    extractable: boolean,
    usages: string[],
  ): Promise<CryptoKey>;
  exportKey(format: "raw-public", key: CryptoKey): Promise<ArrayBuffer>;
  encapsulateBits(algorithm: { name: "ML-KEM-768" }, key: CryptoKey): Promise<Encapsulated>;
  decapsulateBits(algorithm: { name: "ML-KEM-768" }, key: CryptoKey, ciphertext: Bytes): Promise<ArrayBuffer>;
}

/** The browser's WebCrypto, with the methods that it may have. */
export function postQuantumSubtle(): PostQuantumSubtle {
  return crypto.subtle as unknown as PostQuantumSubtle;
}

/** Uses of the private and public key of a pair, as WebCrypto names them. */
export const USES = {
  sign: ["sign", "verify"],
  encapsulate: ["encapsulateBits", "decapsulateBits"],
} as const;

const found = new Map<PostQuantum, Promise<boolean>>();

/** Whether the browser's WebCrypto has an algorithm; asked once, by making a key. */
export function isNative(algorithm: PostQuantum): Promise<boolean> {
  const known = found.get(algorithm) ?? tryNative(algorithm);
  found.set(algorithm, known);
  return known;
}

async function tryNative(algorithm: PostQuantum): Promise<boolean> {
  const uses = algorithm === "ML-KEM-768" ? USES.encapsulate : USES.sign;
  try {
    const pair = await postQuantumSubtle().generateKey({ name: algorithm }, false, [...uses]);
    await postQuantumSubtle().exportKey("raw-public", pair.publicKey);
    return true;
  } catch {
    return false; // whatever a browser throws here, it says that it has no such keys
  }
}
