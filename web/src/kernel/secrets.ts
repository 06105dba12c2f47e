/**
 * Secrets at rest where WebCrypto cannot hold them itself: sealed under an AES-GCM key that cannot be exported.
 *
 * For browsers whose WebCrypto has no ML-DSA or ML-KEM. The seed of such a key is never stored in the clear: what is kept
 * is ciphertext and a key that the browser uses and does not give out. While it signs or decapsulates, and only then, the
 * seed is in this thread's memory; `withSecret` overwrites it afterwards.
 *
 * What this cannot do: code that runs in this page's origin could ask for the seed, where a native key would only sign.
 */
import { type Bytes, randomBytes, utf8 } from "./bytes";
import { type Said, TelesphorError } from "./errors";

const AES_GCM = "AES-GCM";
const NONCE_BYTES = 12;

/** A sealed secret that does not open: altered, or sealed for another use. */
export class SecretRefused extends TelesphorError {
  constructor(message: string, said?: Said) {
    super("secret-refused", "corrupt", message, said);
  }
}

/** A secret under a key of its own; all of it can be stored in IndexedDB. */
export interface SealedSecret {
  readonly wrap: CryptoKey;
  readonly nonce: Bytes;
  readonly sealed: Bytes;
}

/** Seal a secret for one use, such as `ML-DSA-65`; the secret is overwritten. */
export async function sealSecret(secret: Bytes, use: string): Promise<SealedSecret> {
  const wrap = await crypto.subtle.generateKey({ name: AES_GCM, length: 256 }, false, ["encrypt", "decrypt"]);
  const nonce = randomBytes(NONCE_BYTES);
  const sealed = await crypto.subtle.encrypt(
    { name: AES_GCM, iv: nonce, additionalData: utf8(use) },
    wrap,
    secret,
  );
  secret.fill(0);
  return { wrap, nonce, sealed: new Uint8Array(sealed) };
}

/** Do something with a secret, and overwrite it; throws `SecretRefused` when it does not open for this use. */
export async function withSecret<T>(
  secret: SealedSecret,
  use: string,
  work: (clear: Bytes) => T,
): Promise<T> {
  const clear = await open(secret, use);
  try {
    return work(clear);
  } finally {
    clear.fill(0);
  }
}

async function open({ wrap, nonce, sealed }: SealedSecret, use: string): Promise<Bytes> {
  try {
    const parameters = { name: AES_GCM, iv: nonce, additionalData: utf8(use) };
    return new Uint8Array(await crypto.subtle.decrypt(parameters, wrap, sealed));
  } catch (cause) {
    throw new SecretRefused(`the sealed key for \`${use}\` does not open`, { hint: "make new keys", cause });
  }
}
