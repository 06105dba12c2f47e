/** Cards: what a witness, a notary or a log says of itself, under its own keys (`docs/spec/witness-cards.md`). */

import type { Bytes } from "./bytes";
import { cosignerKeys, logKeys } from "./checkpoint";
import { CARD_BYTES_MAX } from "./files";
import type { Json, JsonObject } from "./json";
import { get, hasExactly, isArray } from "./json";
import { readJws, verifyJws } from "./jws";
import type { VerifyKey } from "./keypair";
import { verifyKey } from "./keypair";
import { isPrintable, parseInstant } from "./names";
import type { Vkey } from "./note";
import { vkeyText } from "./note";
import { Refusal, refuse } from "./refusal";

export const ROLES = ["witness", "notary", "log"] as const;
export type Role = (typeof ROLES)[number];

export const WORDS = ["organisation", "region", "cloud", "operator"] as const;
export type Word = (typeof WORDS)[number];

const FORMAT = "telesphor-witness-card/1";
const MEMBERS = ["v", "format", "role", "name", ...WORDS, "vkeys", "keys", "issued_at", "expires_at"];
const WORD = /^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$/;
/** Five years. */
const TERM_MS_MAX = 1830 * 24 * 60 * 60 * 1000;

export interface Card extends Readonly<Record<Word, string>> {
  readonly role: Role;
  readonly name: string;
  /** Ed25519, then ML-DSA-44. */
  readonly vkeys: readonly [string, string];
  readonly keys: readonly [Vkey, Vkey];
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** Digest of what is signed: its name in pins. */
  readonly id: string;
}

/** A card, both of whose signatures verify (`witness-card-refused`, `half-signature`, `limit-exceeded`). */
export function readCard(data: Bytes): Card {
  try {
    const jws = readJws(data, CARD_BYTES_MAX);
    const [card, key] = cardOf(jws.payload, jws.digest);
    verifyJws(jws, key);
    return card;
  } catch (error) {
    const passes = ["witness-card-refused", "half-signature", "limit-exceeded"];
    if (!(error instanceof Refusal) || passes.includes(error.code)) throw error;
    return refuse("witness-card-refused", `the card is refused: ${error.message}`);
  }
}

/** All that it says but its term: a card that renews another says the same. */
export function claimsOf(card: Card): string {
  return JSON.stringify([card.role, ...WORDS.map((word) => card[word]), ...card.vkeys]);
}

/** Whether the card speaks for a signature of that time, which states whole seconds. */
export function isInForce(card: Card, timeSeconds: number): boolean {
  return Math.floor(card.issuedMs / 1000) <= timeSeconds && timeSeconds * 1000 < card.expiresMs;
}

function cardOf(payload: JsonObject, id: string): [Card, VerifyKey] {
  const isCard = hasExactly(payload, MEMBERS) && get(payload, "v") === 1 && get(payload, "format") === FORMAT;
  if (!isCard) bad(`it is not of the format \`${FORMAT}\``);
  const role = ROLES.find((one) => one === get(payload, "role")) ?? bad("its role is not known");
  const [name, issuedAt, expiresAt] = ["name", "issued_at", "expires_at"].map((member) =>
    text(payload, member),
  );
  const words = WORDS.map((word) => [word, wordOf(payload, word)] as const);
  const said = { role, name: name as string, vkeys: vkeysOf(get(payload, "vkeys")) };
  const { keys, pair } = readKeys(said);
  const term = { issuedAt: issuedAt as string, expiresAt: expiresAt as string };
  const card = {
    ...said,
    ...(Object.fromEntries(words) as Record<Word, string>),
    keys,
    ...term,
    ...termOf(term),
    id,
  };
  return [card, pair];
}

function text(payload: JsonObject, member: string): string {
  const value = get(payload, member);
  return typeof value === "string" ? value : bad(`its \`${member}\` is not text`);
}

function wordOf(payload: JsonObject, word: Word): string {
  const value = text(payload, word);
  return WORD.test(value) ? value : bad(`its \`${word}\` is not a name of at most 64 characters`);
}

function vkeysOf(value: Json | undefined): readonly [string, string] {
  const [first, second, ...more] = isArray(value) ? value : [];
  if (typeof first !== "string" || typeof second !== "string" || more.length > 0)
    bad("it does not name two keys");
  return [first, second];
}

function readKeys({ role, name, vkeys }: Pick<Card, "role" | "name" | "vkeys">) {
  if (!isPrintable(name)) bad("its name holds characters that cannot be shown");
  const keys = role === "log" ? logKeys(name, vkeys) : cosignerKeys(vkeys);
  const inOrder = vkeyText(keys[0]) === vkeys[0] && vkeyText(keys[1]) === vkeys[1];
  if (!inOrder || keys[0].name !== name) bad("its keys are not Ed25519 and then ML-DSA-44 under its name");
  return { keys, pair: verifyKey("WITNESS", keys[0].publicKey, keys[1].publicKey) };
}

function termOf({ issuedAt, expiresAt }: { issuedAt: string; expiresAt: string }) {
  const [issuedMs, expiresMs] = [parseInstant(issuedAt), parseInstant(expiresAt)];
  const term = expiresMs - issuedMs;
  if (term <= 0 || term > TERM_MS_MAX) bad("it is not in force for some time and at most five years");
  return { issuedMs, expiresMs };
}

function bad(reason: string): never {
  refuse("witness-card-refused", `the card is refused: ${reason}`);
}
