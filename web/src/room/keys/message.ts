/**
 * How a sender's key reaches the others: sealed to each of them by X-Wing, and signed by both keys of the sender.
 *
 * - What is signed names visit, epoch, sender, tab and the whole roster; a message that names another is refused.
 * - The envelope is bound to the same place, so that nobody passes on another one's key as its own.
 *
 * Bytes: `docs/spec/room.md`. Start at `makeKeyMessage` and `openKeyMessage`.
 */
import * as base64url from "../../kernel/base64url";
import { type Bytes, utf8, utf8Text } from "../../kernel/bytes";
import type { Digest } from "../../kernel/digest";
import { openEnvelope, sealEnvelope } from "../../kernel/envelope";
import { type SigningKey, VerifyKey } from "../../kernel/keypair";
import { type RecipientKey, RecipientPublic } from "../../kernel/recipient";
import { signJws, verifyJws } from "../../kernel/signing";
import { SECRET_BYTES } from "../media/sframe";
import { RoomFault } from "../faults";
import { digestOfRoster, type Place, type Roster } from "./roster";

export const KEY_MESSAGE_BYTES_MAX = 60_000;
const TYPE = "room-key/1";
const PURPOSE = "room-key";
const ROLE = "participant";

/** Where and when a key is valid, and whose it is. */
export interface KeyPlace {
  readonly visit: string;
  readonly roster: Roster;
  readonly sender: Place;
}

/** Seal `secret` to everybody else in the roster, and sign it. */
export async function makeKeyMessage(
  secret: Bytes,
  place: KeyPlace,
  signingKey: SigningKey,
): Promise<string> {
  const others = place.roster.places.filter(({ actor }) => actor !== place.sender.actor);
  const recipients = others.map(({ kem }) => ({
    key: new RecipientPublic(base64url.decode(kem)),
    role: ROLE,
  }));
  const envelope = await sealEnvelope(secret, { recipients, purpose: PURPOSE, object: boundTo(place) });
  const keys = [...signingKey.public.thumbprints()];
  const signed = await signJws(
    { ...claimsOf(place), keys, envelope: base64url.encode(envelope) },
    signingKey,
  );
  return utf8Text(signed);
}

/** Verify and open what `makeKeyMessage` made; `RoomFault` when it is not this sender's key for this roster. */
export async function openKeyMessage(message: string, place: KeyPlace, kemKey: RecipientKey): Promise<Bytes> {
  try {
    return await open(message, place, kemKey);
  } catch (cause) {
    throw new RoomFault("key-refused", { cause });
  }
}

async function open(message: string, place: KeyPlace, key: RecipientKey): Promise<Bytes> {
  const verifyKey = VerifyKey.fromJwks(place.sender.keys);
  const claims = await verifyJws(utf8(message), verifyKey, { limit: KEY_MESSAGE_BYTES_MAX });
  const expected: Record<string, unknown> = claimsOf(place);
  for (const [name, value] of Object.entries(expected)) {
    if (claims[name] !== value) throw new TypeError(`\`${name}\` is another one`);
  }
  if (typeof claims.envelope !== "string") throw new TypeError("there is no envelope");
  const envelope = base64url.decode(claims.envelope);
  const secret = await openEnvelope(envelope, { key, purpose: PURPOSE, object: boundTo(place) });
  if (secret.length !== SECRET_BYTES) throw new TypeError("the secret has another size");
  return secret;
}

function claimsOf({ visit, roster, sender }: KeyPlace): Claims {
  const digest = digestOfRoster(visit, roster);
  return {
    v: 1,
    type: TYPE,
    visit,
    epoch: roster.epoch,
    sender: sender.actor,
    tab: sender.tab,
    roster: digest,
  };
}

type Claims = {
  v: 1;
  type: string;
  visit: string;
  epoch: number;
  sender: string;
  tab: string;
  roster: Digest;
};

function boundTo({ visit, roster, sender }: KeyPlace): string {
  return `${visit}/${roster.epoch}/${sender.actor}`;
}
