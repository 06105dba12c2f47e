/**
 * The keys of the room as it changes: each change of who is there brings everybody a new one.
 *
 * - INVARIANT: from the moment this browser knows that somebody left, it seals nothing more under a key they have.
 * - A key is taken once for a sender and an epoch; a second one is passed over.
 * - Whose key does not come is asked for it, a few times.
 *
 * Everything runs one after the other (`#inOrder`): the node's order of messages is the order of epochs.
 */
import { type Bytes, randomBytes } from "../../kernel/bytes";
import type { JsonObject } from "../../kernel/canonical";
import type { SigningKey } from "../../kernel/keypair";
import type { RecipientKey } from "../../kernel/recipient";
import { SECRET_BYTES } from "../media/sframe";
import { makeKeyMessage, openKeyMessage } from "./message";
import { kidOf, type Place, type Roster } from "./roster";
import { deriveWordKey, openWord, sealWord, type WordKey } from "./words";

/** A key is asked for after this long: sealing and signing take a browser some ten milliseconds. */
const ASK_MS = 800;
/** Words that came before their sender's key; more are lost, and sent again by who said them. */
const EARLY_WORDS_MAX = 64;

/** What holds the frame keys: the worker's page side, or a test. */
export interface FrameKeys {
  sendUnder(secret: Bytes, kid: number): Promise<void>;
  stopSending(): Promise<void>;
  receiveUnder(secret: Bytes, of: { kid: number; sender: string; epoch: number }): Promise<void>;
  enterEpoch(epoch: number, senders: readonly string[]): Promise<void>;
}

export interface EpochPorts {
  readonly visit: string;
  readonly me: string;
  readonly wallet: { readonly signingKey: SigningKey; readonly kemKey: RecipientKey };
  readonly frames: FrameKeys;
  /** Send a message of this kind to the room; false when there is no connection. */
  readonly send: (message: object) => boolean;
  readonly onWord: (from: string, word: JsonObject) => void;
  /** All keys of the epoch are there, or not any more. */
  readonly onReady: (epoch: number, ready: boolean) => void;
  readonly onFault: (from: string, error: unknown) => void;
  /** One's own key of this epoch was sent to these; for the ledger, which gets the digest of what was sent. */
  readonly onMade?: (epoch: number, actors: readonly string[], message: string) => void;
}

interface Present {
  readonly roster: Roster;
  readonly own: WordKey;
  readonly message: string | null;
  readonly keys: Map<string, WordKey>;
  readonly early: { from: string; body: string }[];
}

export class Epochs {
  readonly #ports: EpochPorts;
  #present: Present | null = null;
  #queue: Promise<void> = Promise.resolve();
  #asking: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(ports: EpochPorts) {
    this.#ports = ports;
  }

  get epoch(): number {
    return this.#present?.roster.epoch ?? 0;
  }

  /** The node says who is there. */
  enter(roster: Roster): Promise<void> {
    return this.#inOrder(() => this.#enter(roster));
  }

  /** Somebody's key came. */
  take(from: string, epoch: number, body: string): Promise<void> {
    return this.#inOrder(() => this.#take(from, epoch, body), from);
  }

  /** Somebody said something. */
  hear(from: string, epoch: number, body: string): Promise<void> {
    return this.#inOrder(() => this.#hear(from, epoch, body), from);
  }

  /** Say something to all others; false when it could not be sent now. */
  async say(word: JsonObject): Promise<boolean> {
    const present = this.#present;
    if (present === null) return false;
    const body = await sealWord(word, present.own);
    return (
      this.#present === present && this.#ports.send({ kind: "sealed", epoch: present.roster.epoch, body })
    );
  }

  /** Send one's own key again: somebody asked, or the connection was away. */
  repeat(): void {
    const present = this.#present;
    if (present?.message != null)
      this.#ports.send({ kind: "key", epoch: present.roster.epoch, body: present.message });
  }

  /** Seal nothing more, and forget the keys. */
  async end(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#asking);
    this.#present = null;
    await this.#ports.frames.stopSending();
  }

  async #enter(roster: Roster): Promise<void> {
    if (roster.epoch === this.epoch) {
      this.repeat();
      this.#askSoon();
      return;
    }
    const { frames, visit, me, wallet } = this.#ports;
    const before = this.#present?.roster.places ?? [];
    if (before.some((place) => !roster.places.some((other) => isSame(place, other))))
      await frames.stopSending();
    this.#ports.onReady(roster.epoch, false);
    const actors = roster.places.map(({ actor }) => actor);
    await frames.enterEpoch(roster.epoch, actors);
    const secret = randomBytes(SECRET_BYTES);
    const sender = placeOf(roster, me);
    const alone = roster.places.length < 2;
    const message = alone ? null : await makeKeyMessage(secret, { visit, roster, sender }, wallet.signingKey);
    const own = await deriveWordKey(secret, { visit, epoch: roster.epoch, sender: me });
    if (this.#isOver) return void secret.fill(0); // Left while it was made: nobody gets it.
    this.#present = { roster, own, message, keys: new Map(), early: [] };
    this.repeat();
    await frames.sendUnder(secret, kidOf(roster, me));
    secret.fill(0);
    this.#tellReady();
    this.#askSoon();
    if (message !== null) this.#ports.onMade?.(roster.epoch, actors, message);
  }

  async #take(from: string, epoch: number, body: string): Promise<void> {
    const present = this.#present;
    if (present === null || epoch !== present.roster.epoch || present.keys.has(from)) return;
    const { visit, frames, wallet } = this.#ports;
    const { roster } = present;
    const secret = await openKeyMessage(
      body,
      { visit, roster, sender: placeOf(roster, from) },
      wallet.kemKey,
    );
    await frames.receiveUnder(secret, { kid: kidOf(roster, from), sender: from, epoch });
    present.keys.set(from, await deriveWordKey(secret, { visit, epoch, sender: from }));
    secret.fill(0);
    this.#tellReady();
    const held = present.early.splice(0);
    for (const word of held) await this.#hear(word.from, epoch, word.body);
  }

  async #hear(from: string, epoch: number, body: string): Promise<void> {
    const present = this.#present;
    if (present === null || epoch !== present.roster.epoch) return;
    const key = present.keys.get(from);
    if (key !== undefined) this.#ports.onWord(from, await openWord(body, key));
    else if (present.early.length < EARLY_WORDS_MAX) present.early.push({ from, body });
  }

  #missing(): Place[] {
    const present = this.#present;
    if (present === null) return [];
    return present.roster.places.filter(({ actor }) => actor !== this.#ports.me && !present.keys.has(actor));
  }

  #tellReady(): void {
    this.#ports.onReady(this.epoch, this.#missing().length === 0);
  }

  #askSoon(): void {
    clearTimeout(this.#asking);
    if (this.#missing().length === 0) return;
    this.#asking = setTimeout(() => {
      for (const { actor, tab } of this.#missing()) {
        this.#ports.send({ kind: "signal", to: actor, to_tab: tab, body: { ask: "key" } });
      }
      this.#askSoon();
    }, ASK_MS);
  }

  #inOrder(act: () => Promise<void>, from = ""): Promise<void> {
    const unlessOver = () => (this.#isOver ? undefined : act());
    this.#queue = this.#queue.then(unlessOver).catch((error: unknown) => this.#ports.onFault(from, error));
    return this.#queue;
  }
}

function placeOf(roster: Roster, actor: string): Place {
  const place = roster.places.find((found) => found.actor === actor);
  if (place === undefined) throw new TypeError("the sender is not in the room");
  return place;
}

function isSame(one: Place, other: Place): boolean {
  return one.actor === other.actor && one.tab === other.tab;
}
