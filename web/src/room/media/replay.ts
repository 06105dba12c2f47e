/** Counters that were seen: an authentic frame is taken once, and one that is far behind not at all. */
import { FrameRefused } from "./sframe";

/**
 * How far behind the newest a frame may come. One counter serves all tracks and connections of a sender: five others at
 * 110 frames a second are 550 a second, so this is nearly eight seconds, more than any jitter buffer waits.
 */
export const WINDOW = 4_096;

export class ReplayWindow {
  #newest = -1;
  readonly #seen = new Set<number>();

  /** Take a counter, once its frame has verified; `FrameRefused` when it was taken before or is too old. */
  take(counter: number): void {
    if (counter <= this.#newest - WINDOW || this.#seen.has(counter)) throw new FrameRefused("replayed");
    this.#seen.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    if (this.#seen.size > 2 * WINDOW) this.#forget();
  }

  #forget(): void {
    for (const counter of this.#seen) if (counter <= this.#newest - WINDOW) this.#seen.delete(counter);
  }
}
