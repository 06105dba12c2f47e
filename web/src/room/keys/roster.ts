/**
 * Who is in the room, as the node says it: read strictly, and named by one digest.
 *
 * INVARIANT: everybody signs the digest of the roster that they sealed their key to. A node that shows two people two
 * different rooms is found out: their keys do not open for each other.
 */
import * as canonical from "../../kernel/canonical";
import { digestOf, type Digest } from "../../kernel/digest";
import { utf8 } from "../../kernel/bytes";
import { RoomFault } from "../faults";

export const PLACES_MAX = 6;
/** A place number fits a byte, so that no two senders of any epochs share a key id. */
const PLACES_OF_EPOCH = 256;
const EPOCH_MAX = 2 ** 32 - 1;

export type Quality = "good" | "poor" | "audio-only";

/** What the others show beside a name. */
export interface MediaState {
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  readonly quality: Quality;
}

export interface Place {
  readonly actor: string;
  readonly role: string;
  readonly tab: string;
  /** The two JWKs that the actor signs with. */
  readonly keys: unknown;
  /** Base64url of the X-Wing key to seal to. */
  readonly kem: string;
  readonly state: MediaState;
}

export interface Roster {
  readonly epoch: number;
  readonly you: string;
  readonly places: readonly Place[];
  readonly ice: readonly RTCIceServer[];
  /** The node wants calls to go through its relays alone, so that nobody learns another's network address. */
  readonly relayOnly: boolean;
}

/** Read the message `present`; `RoomFault` when the node says something else. */
export function readRoster(message: Readonly<Record<string, unknown>>): Roster {
  const { epoch, you, roster, ice, relay_only } = message;
  if (!isEpoch(epoch) || typeof you !== "string") throw malformed();
  if (!Array.isArray(roster) || roster.length > PLACES_MAX) throw malformed();
  const places = roster.map(readPlace);
  if (new Set(places.map(({ actor }) => actor)).size !== places.length) throw malformed();
  places.sort((one, other) => (one.actor < other.actor ? -1 : 1));
  const servers = Array.isArray(ice) ? (ice as RTCIceServer[]) : [];
  return { epoch, you, places, ice: servers, relayOnly: relay_only === true };
}

/** The key id of a sender: no two of them in one epoch, nor in two epochs, are alike. */
export function kidOf(roster: Roster, actor: string): number {
  const place = roster.places.findIndex((found) => found.actor === actor);
  if (place < 0) throw new RoomFault("not-in-roster");
  return roster.epoch * PLACES_OF_EPOCH + place;
}

/** One name for exactly these people with exactly these keys, in this epoch of this visit. */
export function digestOfRoster(visit: string, { epoch, places }: Roster): Digest {
  const named = places.map(({ actor, tab, keys, kem }) => ({
    actor,
    tab,
    kem,
    keys: digestOf(utf8(JSON.stringify(keys))),
  }));
  return digestOf(canonical.encode({ visit, epoch, places: named }));
}

export function readState(value: unknown): MediaState {
  const { microphone, camera, screen, quality } = isRecord(value) ? value : {};
  const known = quality === "poor" || quality === "audio-only" ? quality : "good";
  return {
    microphone: microphone === true,
    camera: camera === true,
    screen: screen === true,
    quality: known,
  };
}

export function isEpoch(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= EPOCH_MAX;
}

function readPlace(value: unknown): Place {
  if (!isRecord(value)) throw malformed();
  const { actor, role, tab, keys, kem, state } = value;
  if (
    typeof actor !== "string" ||
    typeof role !== "string" ||
    typeof tab !== "string" ||
    typeof kem !== "string"
  ) {
    throw malformed();
  }
  return { actor, role, tab, keys, kem, state: readState(state) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(): RoomFault {
  return new RoomFault("roster-malformed");
}
