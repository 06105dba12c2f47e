/**
 * Keeps the journal of one recording while it is made. Where the browser keeps nothing, the recording goes on without.
 *
 * INVARIANT: a journal that lacks what was uploaded is never left behind: it is removed, or the recording ends.
 */
import type { Bytes } from "../../kernel/bytes";
import { claim } from "./claim";
import { RecordingJournal, type Begun } from "./journal";
import type { Guard, Sealed } from "./writer";

export class JournalGuard implements Guard {
  #journal: RecordingJournal | null = null;
  #released = 0;

  constructor(private readonly about: Omit<Begun, "head" | "header">) {}

  /** Whether the recording could be finished by another page now. */
  get isKept(): boolean {
    return this.#journal !== null;
  }

  async begin(head: Bytes, header: Bytes): Promise<void> {
    try {
      if ((await claim(this.about.object)) === null) return;
      const journal = await RecordingJournal.open();
      await journal.begin({ ...this.about, head, header });
      this.#journal = journal;
    } catch (error) {
      console.debug("room: the recording is kept nowhere but in this page", error);
    }
  }

  async append(sealed: Sealed): Promise<void> {
    try {
      await this.#journal?.append(this.about.object, sealed);
    } catch (error) {
      console.debug("room: from here on the recording is kept nowhere but in this page", error);
      await this.forget();
    }
  }

  /** The node has kept so many bytes. */
  async release(kept: number): Promise<void> {
    if (kept === this.#released) return;
    this.#released = kept;
    await this.#journal?.release(this.about.object, kept).catch(() => undefined); // Too much is kept, not too little.
  }

  /** Nothing is left to be finished, or could be. */
  async forget(): Promise<void> {
    const journal = this.#journal;
    this.#journal = null;
    await journal?.remove(this.about.object);
    journal?.close();
  }
}
