/**
 * The watch under which the log or the administration is looked at: opened by a signed command, ended by another.
 *
 * Guarantees: one watch of a scope at a time in this tab, however many pages use it; it is ended a moment after the
 * last page let it go, and when the session ends; what it showed is dropped with it. Start at `WatchKeeper`.
 */

export type Scope = "log" | "administration";

/** Why a watch is over: its hour, its own end, what allowed it, or as many pages as one watch shows. */
export type Over = "expired" | "ended" | "access-ended" | "spent";

export type WatchState =
  | { is: "opening" }
  | { is: "open"; watch: string; until: string }
  | { is: "over"; why: Over }
  | { is: "refused"; error: unknown };

/** What the keeper needs of the world; tests give one of their own. */
export interface WatchWorld {
  /** Sign `audit.watch/1`; answers the watch, and what ends it by `audit.end/1`. */
  open: (scope: Scope) => Promise<Opened>;
  wait: (run: () => void, ms: number) => number;
  clear: (timer: number) => void;
  nowMs: () => number;
}

export interface Opened {
  watch: string;
  until: string;
  end: () => Promise<unknown>;
}

/** From one page to the next nobody holds the watch for a moment. */
const GRACE_MS = 1500;
/** The node's clock and this one differ a little. */
const SLACK_MS = 2000;

export class WatchKeeper {
  readonly #scope: Scope;
  readonly #world: WatchWorld;
  readonly #listeners = new Set<() => void>();
  readonly #endings = new Set<() => void>();
  #state: WatchState = { is: "opening" };
  #opened: Opened | null = null;
  #holders = 0;
  /** Counts openings, so that one that comes too late is ended at once. */
  #round = 0;
  #asking = false;
  #leaving: number | null = null;
  #expiring: number | null = null;

  constructor(scope: Scope, world: WatchWorld) {
    this.#scope = scope;
    this.#world = world;
  }

  get state(): WatchState {
    return this.#state;
  }

  /** Use the watch, opening it where there is none; call what is returned when it is not needed any more. */
  hold(): () => void {
    this.#holders += 1;
    if (this.#leaving !== null) this.#world.clear(this.#leaving);
    this.#leaving = null;
    if (this.#opened === null && this.#state.is === "opening") void this.#open();
    let mine = true;
    return () => {
      if (mine) this.#release();
      mine = false;
    };
  }

  /** Open another one, after the last was over or refused. */
  again(): void {
    if (this.#state.is === "open" || this.#asking) return;
    this.#set({ is: "opening" });
    void this.#open();
  }

  /** The node says that this watch is over. */
  over(watch: string, why: Over): void {
    if (this.#opened?.watch !== watch) return;
    this.#drop();
    this.#set({ is: "over", why });
  }

  /** The session ended, or the journey was left: end the watch, and forget what it showed. */
  end(): void {
    this.#round += 1;
    this.#asking = false;
    const opened = this.#opened;
    this.#drop();
    this.#set({ is: "opening" });
    // Nobody waits for it: a watch that this does not end is over within the hour.
    opened?.end().catch(() => undefined);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called when a watch is over for whatever reason: what it showed is dropped. */
  onEnd(ending: () => void): () => void {
    this.#endings.add(ending);
    return () => this.#endings.delete(ending);
  }

  async #open(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const mine = ++this.#round;
    try {
      const opened = await this.#world.open(this.#scope);
      if (mine !== this.#round) {
        await opened.end().catch(() => undefined);
        return;
      }
      this.#opened = opened;
      const left = Math.max(0, Date.parse(opened.until) - this.#world.nowMs() - SLACK_MS);
      this.#expiring = this.#world.wait(() => this.over(opened.watch, "expired"), left);
      this.#set({ is: "open", watch: opened.watch, until: opened.until });
    } catch (error) {
      if (mine === this.#round) this.#set({ is: "refused", error });
    } finally {
      if (mine === this.#round) this.#asking = false;
    }
  }

  #release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    this.#leaving = this.#world.wait(() => {
      this.#leaving = null;
      if (this.#holders === 0) this.end();
    }, GRACE_MS);
  }

  #drop(): void {
    if (this.#expiring !== null) this.#world.clear(this.#expiring);
    this.#expiring = null;
    this.#opened = null;
    this.#endings.forEach((ending) => ending());
  }

  #set(state: WatchState): void {
    this.#state = state;
    this.#listeners.forEach((listener) => listener());
  }
}
