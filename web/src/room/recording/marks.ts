/** The places where a recording can be entered: kept to a bound, and as the index at its end. */
import type { Bytes } from "../../kernel/bytes";
import { encodeIndex, MARKS_MAX } from "./format";
import type { Mark } from "./webm";

export class Marks {
  #marks: Mark[] = [];
  #every = 1;
  #met = 0;

  /** Take the next one; where there are too many, every second is dropped. */
  add(mark: Mark): void {
    this.#met += 1;
    if (this.#met % this.#every !== 0) return;
    this.#marks.push(mark);
    if (this.#marks.length < MARKS_MAX) return;
    this.#marks = this.#marks.filter((_, number) => number % 2 === 0);
    this.#every *= 2;
  }

  /** Index and foot, as they stand behind the WebM. */
  index(durationMs: number): Bytes {
    return encodeIndex(this.#marks, durationMs);
  }
}
