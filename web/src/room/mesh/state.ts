/** What the screen shows of a room. Frozen values; a change makes a new one. */
import type { MediaState, Quality } from "../keys/roster";
import type { ChatLine } from "./chat";
import type { Tracks } from "./local";
import type { PathState, Streams } from "./peer";

/**
 * - `joining`: not in yet. `in`: here. `away`: the line to the node is broken, it is being tried again.
 * - `replaced`: another tab of the same person took the place. `out`: not admitted any more. `left`: one's own wish.
 */
export type RoomPhase = "joining" | "in" | "away" | "replaced" | "out" | "left";

export type OutReason = "lobby" | "removed" | "ended" | "unknown";

export interface RoomPerson {
  readonly actor: string;
  readonly role: string;
  readonly tab: string;
  readonly state: MediaState;
  readonly path: PathState;
  readonly streams: Streams;
}

export interface RoomState {
  readonly phase: RoomPhase;
  readonly outReason: OutReason;
  readonly epoch: number;
  /** Every other person's key of this epoch is here. */
  readonly sealed: boolean;
  readonly others: readonly RoomPerson[];
  /** X-Wing keys of everybody in the room by actor, oneself included: to whom a recording's key is sealed. */
  readonly kems: Readonly<Record<string, string>>;
  readonly mine: Tracks;
  readonly quality: Quality;
  /** The person wants no picture, whatever the line is. */
  readonly audioOnlyWanted: boolean;
  readonly chat: readonly ChatLine[];
  /** Codes of what the node refused or what did not verify, newest last. */
  readonly faults: readonly string[];
}

export const EMPTY_ROOM: RoomState = {
  phase: "joining",
  outReason: "unknown",
  epoch: 0,
  sealed: false,
  others: [],
  kems: {},
  mine: { microphone: null, camera: null, screen: null },
  quality: "good",
  audioOnlyWanted: false,
  chat: [],
  faults: [],
};

export class Observable<T> {
  readonly #listeners = new Set<() => void>();

  constructor(private value: T) {}

  readonly getSnapshot = (): T => this.value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  change(change: Partial<T>): void {
    this.value = { ...this.value, ...change };
    this.#listeners.forEach((listener) => listener());
  }
}
