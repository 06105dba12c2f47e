/**
 * What is said beside the picture (chat, files, that something arrived), sealed under the sender's key of the epoch.
 *
 * `base64url(iv || AES-256-GCM)`, the key derived from the sender's secret, bound to visit, epoch and sender. The relay
 * sees a length. Repeats are found by the words' own ids.
 */
import * as base64url from "../../kernel/base64url";
import { type Bytes, concat, randomBytes, utf8 } from "../../kernel/bytes";
import * as canonical from "../../kernel/canonical";
import type { JsonObject } from "../../kernel/canonical";
import { RoomFault } from "../faults";

const IV_BYTES = 12;
/** A page of chat; longer things are files. */
export const WORD_BYTES_MAX = 32 * 1024;
const LABEL = "telesphor room word/1";

export interface WordPlace {
  readonly visit: string;
  readonly epoch: number;
  readonly sender: string;
}

export interface WordKey {
  readonly key: CryptoKey;
  readonly place: WordPlace;
}

/** Derive the key of a sender's words from the secret that its frames are sealed under, too. */
export async function deriveWordKey(secret: Bytes, place: WordPlace): Promise<WordKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const hkdf = { name: "HKDF", hash: "SHA-512", salt: new Uint8Array(0), info: utf8(LABEL) };
  const key = await crypto.subtle.deriveKey(hkdf, material, { name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
  return { key, place };
}

export async function sealWord(word: JsonObject, { key, place }: WordKey): Promise<string> {
  const plaintext = canonical.encode(word);
  if (plaintext.length > WORD_BYTES_MAX - 64) throw new RoomFault("word-refused");
  const iv = randomBytes(IV_BYTES);
  const sealed = await crypto.subtle.encrypt(gcm(iv, place), key, plaintext);
  return base64url.encode(concat(iv, new Uint8Array(sealed)));
}

/** `RoomFault` when it is not a word of this sender and epoch. */
export async function openWord(body: string, { key, place }: WordKey): Promise<JsonObject> {
  try {
    const sealed = base64url.decode(body);
    const parameters = gcm(sealed.slice(0, IV_BYTES), place);
    const plaintext = await crypto.subtle.decrypt(parameters, key, sealed.subarray(IV_BYTES));
    return canonical.decodeObject(new Uint8Array(plaintext), { limit: WORD_BYTES_MAX });
  } catch (cause) {
    throw new RoomFault("word-refused", { cause });
  }
}

function gcm(iv: Bytes, place: WordPlace): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: canonical.encode({ ...place }) };
}
