/**
 * Waiting between attempts: longer each time, and not for ever.
 */
import { ClientRefused, NodeUnreachable, TransferFailed } from "./client_errors";

/** Breaks in a row, without any progress between them, after which a transfer is given up: about two minutes. */
export const BREAKS_MAX = 14;
/** Before the first new attempt; doubled for each further one. */
const PAUSE_MS = 200;
/** A phone that comes out of a tunnel should not wait longer. */
const PAUSE_MS_MAX = 15_000;

/** Answers of a node that is busy, starting, or short of space, or of a server before it that does not reach it. */
const PASSING: readonly number[] = [502, 503, 504, 507];

/** Lets time pass. */
export type Sleep = (ms: number) => Promise<void>;

/** By the machine's own clock. */
export const sleep: Sleep = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** How long to wait after so many breaks in a row, in milliseconds. */
export function pauseAfter(breaks: number): number {
  return Math.min(PAUSE_MS * 2 ** (breaks - 1), PAUSE_MS_MAX);
}

/** Whether waiting may mend what went wrong. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof NodeUnreachable || (error instanceof ClientRefused && PASSING.includes(error.status))
  );
}

/** Counts breaks; gives up after `BREAKS_MAX` of them without progress. */
export class Patience {
  readonly #sleep: Sleep;
  #breaks = 0;
  #reached = -1;

  constructor(wait: Sleep) {
    this.#sleep = wait;
  }

  /** Wait a moment, longer each time; throws `TransferFailed` when nothing moves any more. */
  async wait(reached: number, cause: unknown): Promise<void> {
    this.#breaks = reached > this.#reached ? 1 : this.#breaks + 1;
    this.#reached = Math.max(reached, this.#reached);
    if (this.#breaks > BREAKS_MAX) {
      throw new TransferFailed(`the transfer broke \`${BREAKS_MAX}\` times at byte \`${reached}\``, {
        cause,
      });
    }
    await this.#sleep(pauseAfter(this.#breaks));
  }
}
