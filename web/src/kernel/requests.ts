/**
 * Commands become signed bytes: requests and cards.
 *
 * Pure: the time, the nonce and the keys come in as arguments, and nothing is sent. Bytes: `docs/spec/request.md`,
 * `docs/spec/actors.md`. Start at `signRequest`.
 */
import { utf8Text } from "./bytes";
import type { JsonObject } from "./canonical";
import { type Clock, formatInstant } from "./clock";
import { LimitExceeded } from "./errors";
import type { IdSource } from "./ids";
import { signJws } from "./signing";
import { kemText, type Wallet } from "./wallet";
import type { Bytes } from "./bytes";

export const REQUEST_FORMAT = "telesphor-request/1";
export const CARD_FORMAT = "telesphor-card/1";
/** What a node decides in one piece. */
export const COMMANDS_MAX = 1_000;
/** What a node takes at once. */
export const REQUEST_BYTES_MAX = 1024 * 1024;

/** A command: its type, such as `visit.open/1`, and its body. */
export interface Command {
  readonly type: string;
  readonly body: JsonObject;
}

/** What a request is made of. */
export interface RequestParts {
  /** The node's origin. */
  readonly node: string;
  /** One to a thousand, all or nothing. */
  readonly commands: readonly Command[];
  /** Gives the request its time; nodes take it for 300 seconds. */
  readonly clock: Clock;
  /** Gives it its nonce. */
  readonly ids: IdSource;
}

/** Sign commands for one node; a JWS as canonical JSON. Throws `LimitExceeded`, `NotCanonical`. */
export async function signRequest(
  wallet: Wallet,
  { node, commands, clock, ids }: RequestParts,
): Promise<Bytes> {
  if (commands.length < 1 || commands.length > COMMANDS_MAX) {
    throw new LimitExceeded(`a request has between 1 and ${COMMANDS_MAX} commands, not ${commands.length}`);
  }
  const payload = {
    v: 1,
    format: REQUEST_FORMAT,
    node,
    actor: wallet.actor,
    keys: [...wallet.signingKey.public.thumbprints()],
    at: formatInstant(clock.nowMs()),
    nonce: ids.nonce(),
    commands: commands.map(({ type, body }) => ({ type, body })),
  };
  const data = await signJws(payload, wallet.signingKey);
  if (data.length > REQUEST_BYTES_MAX)
    throw new LimitExceeded(`a request has at most ${REQUEST_BYTES_MAX} bytes`);
  return data;
}

/** At which node. */
export interface AtNode {
  readonly node: string;
}

/** The wallet's card for one node: its own signature over its id, kind and public keys. */
export async function makeCard(wallet: Wallet, { node }: AtNode): Promise<JsonObject> {
  const key = wallet.signingKey;
  const claims = {
    format: CARD_FORMAT,
    id: wallet.actor,
    kind: wallet.kind,
    keys: [...key.public.thumbprints()],
    jwks: key.public.jwks(),
    kem: kemText(wallet),
    node,
  };
  return JSON.parse(utf8Text(await signJws(claims, key))) as JsonObject;
}

/** The body of `actor.register/1`: what an invitation is redeemed with, too. */
export async function registrationOf(wallet: Wallet, at: AtNode): Promise<JsonObject> {
  return { id: wallet.actor, kind: wallet.kind, ...(await keysAndCard(wallet, at)) };
}

/** The command that registers the wallet's actor; an organisation or the node sends it. */
export async function registerCommand(wallet: Wallet, at: AtNode): Promise<Command> {
  return { type: "actor.register/1", body: await registrationOf(wallet, at) };
}

/** The command that replaces an actor's keys by those of `renewed`; the old wallet sends it. */
export async function rotateCommand(renewed: Wallet, at: AtNode): Promise<Command> {
  return { type: "actor.rotate-key/1", body: await keysAndCard(renewed, at) };
}

async function keysAndCard(
  wallet: Wallet,
  at: AtNode,
): Promise<{ keys: JsonObject[]; kem: string; card: JsonObject }> {
  return { keys: wallet.signingKey.public.jwks(), kem: kemText(wallet), card: await makeCard(wallet, at) };
}
