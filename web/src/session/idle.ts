/**
 * Log-off when nobody is there: the node ends an idle session too, this end hides what is on the screen.
 *
 * Guarantees: a warning comes a minute before; a live room holds the session awake; the node is told of presence at
 * most every 30 seconds. Time comes in as an argument, so that a sleeping laptop is found out when it wakes.
 */

export const WARN_SECONDS = 60;
/** The node takes presence at most this often. */
export const PRESENCE_MS = 30_000;

export interface IdleWorld {
  nowMs: () => number;
  /** Whether something holds the session awake, as a live room does. */
  awake: () => boolean;
  /** Tell the node that somebody is there. */
  present: () => void;
  /** Seconds left, or null when there is nothing to warn of. */
  warn: (secondsLeft: number | null) => void;
  end: () => void;
}

export class IdleWatch {
  readonly #world: IdleWorld;
  readonly #idleMs: number;
  #seenMs: number;
  #toldMs: number;
  #warned = false;
  #ended = false;

  constructor({ idleSeconds, world }: { idleSeconds: number; world: IdleWorld }) {
    this.#world = world;
    this.#idleMs = idleSeconds * 1000;
    this.#seenMs = this.#toldMs = world.nowMs();
  }

  /** Somebody moved, typed or touched. */
  note(): void {
    if (this.#ended || this.#isOver()) return;
    this.#seenMs = this.#world.nowMs();
    if (this.#warned) this.#unwarn();
    this.#tellNode();
  }

  /** Look at the clock; to be called every second. */
  tick(): void {
    if (this.#ended) return;
    if (this.#world.awake()) return this.note();
    const leftMs = this.#seenMs + this.#idleMs - this.#world.nowMs();
    if (leftMs <= 0) {
      this.#ended = true;
      this.#unwarn();
      this.#world.end();
    } else if (leftMs <= Math.min(WARN_SECONDS * 1000, this.#idleMs / 2)) {
      this.#warned = true;
      this.#world.warn(Math.ceil(leftMs / 1000));
    }
  }

  #isOver(): boolean {
    return !this.#world.awake() && this.#world.nowMs() - this.#seenMs >= this.#idleMs;
  }

  #unwarn(): void {
    this.#warned = false;
    this.#world.warn(null);
  }

  #tellNode(): void {
    if (this.#world.nowMs() - this.#toldMs < PRESENCE_MS) return;
    this.#toldMs = this.#world.nowMs();
    this.#world.present();
  }
}
