/**
 * HPKE (RFC 9180) in base mode and one shot: X-Wing, HKDF-SHA256, AES-256-GCM, no associated data.
 *
 * Start at `hpkeSeal` and `hpkeOpen`; what stands in `info` is `sealing`'s matter.
 */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { type Bytes, concat, fromHex, owned, utf8 } from "./bytes";
import { ENC_BYTES, encapsulateTo, type RecipientKey, type RecipientPublic } from "./recipient";

/** The tag of AES-GCM. */
export const TAG_BYTES = 16;
/** How much longer than the plaintext the result is. */
export const HPKE_OVERHEAD = ENC_BYTES + TAG_BYTES;

/** `suite_id`: the KEM, the KDF and the AEAD by their IANA numbers. */
const SUITE = concat(utf8("HPKE"), fromHex("647a00010002"));
const VERSION = utf8("HPKE-v1");
const BASE_MODE = fromHex("00");
const NOTHING = new Uint8Array(0);
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

/** The encapsulated key and then the ciphertext; throws `RecipientKeyRefused` where the key cannot be sealed to. */
export async function hpkeSeal(plaintext: Bytes, recipient: RecipientPublic, info: Bytes): Promise<Bytes> {
  const { secret, enc } = await encapsulateTo(recipient);
  const { key, iv } = await schedule(secret, info, "encrypt");
  return concat(enc, new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plaintext)));
}

/** The plaintext; throws whatever the browser throws where anything is not the same. */
export async function hpkeOpen(sealed: Bytes, recipient: RecipientKey, info: Bytes): Promise<Bytes> {
  const secret = await recipient.decapsulate(sealed.slice(0, ENC_BYTES));
  const { key, iv } = await schedule(secret, info, "decrypt");
  return new Uint8Array(
    await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed.subarray(ENC_BYTES)),
  );
}

/** The key schedule (RFC 9180, section 5.1) without a pre-shared key. */
async function schedule(
  shared: Bytes,
  info: Bytes,
  use: "encrypt" | "decrypt",
): Promise<{ key: CryptoKey; iv: Bytes }> {
  const context = concat(
    BASE_MODE,
    extractFor(NOTHING, "psk_id_hash", NOTHING),
    extractFor(NOTHING, "info_hash", info),
  );
  const secret = extractFor(shared, "secret", NOTHING);
  const keyBytes = expandFor(secret, "key", context, KEY_BYTES);
  const iv = expandFor(secret, "base_nonce", context, NONCE_BYTES);
  const key = await crypto.subtle.importKey("raw", keyBytes, "AES-GCM", false, [use]);
  for (const spent of [shared, secret, keyBytes]) spent.fill(0);
  return { key, iv };
}

/** `LabeledExtract` (RFC 9180, section 4). */
function extractFor(salt: Bytes, label: string, material: Bytes): Bytes {
  return owned(extract(sha256, concat(VERSION, SUITE, utf8(label), material), salt));
}

/** `LabeledExpand` (RFC 9180, section 4). */
function expandFor(secret: Bytes, label: string, info: Bytes, size: number): Bytes {
  return owned(
    expand(sha256, secret, concat(Uint8Array.of(size >> 8, size), VERSION, SUITE, utf8(label), info), size),
  );
}
