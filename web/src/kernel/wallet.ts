/**
 * An actor's own keys: the pair that signs, and the key that things are sealed to.
 *
 * INVARIANT: no private key of a wallet that was made here can be exported, by this program neither. `engineOf` says who
 * holds them: the browser's WebCrypto alone, or `@noble/post-quantum` over sealed seeds where the browser lacks ML-DSA or
 * ML-KEM. `wallet_store` keeps wallets.
 */
import * as base64url from "./base64url";
import type { EngineChoice } from "./engines";
import { type ActorId, type IdSource, parseId } from "./ids";
import { generateSigningKey, KeptKey, type SigningKey } from "./keypair";
import { generateRecipientKey, KeptRecipient, type RecipientKey } from "./recipient";

/** What an actor is. */
export const ACTOR_KINDS = ["person", "system", "device", "organisation", "node"] as const;
export type ActorKind = (typeof ACTOR_KINDS)[number];

/** One actor: its id, its kind, and both of its private keys. */
export interface Wallet {
  readonly actor: ActorId;
  readonly kind: ActorKind;
  /** Ed25519 with ML-DSA-65. */
  readonly signingKey: SigningKey;
  /** X-Wing; what is sealed to the actor opens with it. */
  readonly kemKey: RecipientKey;
}

/** A wallet that can be kept. */
export interface KeptWallet extends Wallet {
  readonly signingKey: KeptKey;
  readonly kemKey: KeptRecipient;
}

/** Who holds the post-quantum private keys: the browser itself, or noble under a key of the browser's. */
export type Engine = "webcrypto" | "noble" | "elsewhere";

/** What a new wallet is made of. */
export interface NewWallet extends EngineChoice {
  readonly kind: ActorKind;
  readonly ids: IdSource;
  /** The id that was reserved for the actor, such as by an invitation; a fresh one where there is none. */
  readonly actor?: ActorId;
}

/** A new actor with fresh keys, not registered anywhere yet. Throws `BrowserTooOld` without Ed25519 or X25519. */
export async function createWallet({ kind, ids, actor, engine }: NewWallet): Promise<KeptWallet> {
  return withFreshKeys(actor === undefined ? ids.next() : parseId(actor), kind, { engine });
}

/** The same actor with fresh keys, for a rotation; the old wallet signs it. */
export async function renewWallet({ actor, kind }: Wallet, choice: EngineChoice = {}): Promise<KeptWallet> {
  return withFreshKeys(actor, kind, choice);
}

/** The KEM public key as commands carry it: base64url. */
export function kemText(wallet: Wallet): string {
  return base64url.encode(wallet.kemKey.public.bytes);
}

/** Who holds a wallet's private keys. */
export function engineOf({ signingKey, kemKey }: Wallet): Engine {
  if (!(signingKey instanceof KeptKey) || !(kemKey instanceof KeptRecipient)) return "elsewhere";
  const records = [signingKey.kept.mldsa.record, kemKey.kept.mlkem.record];
  return records.every(({ engine }) => engine === "webcrypto") ? "webcrypto" : "noble";
}

async function withFreshKeys(actor: ActorId, kind: ActorKind, choice: EngineChoice): Promise<KeptWallet> {
  const [signingKey, kemKey] = await Promise.all([generateSigningKey(choice), generateRecipientKey(choice)]);
  return { actor, kind, signingKey, kemKey };
}
