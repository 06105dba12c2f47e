/**
 * Feeds a recording to a `<video>` by Media Source Extensions: ranges are fetched and opened as they are needed.
 *
 * - Half a minute ahead is kept, a minute behind; the rest is let go, so that two hours take the memory of two minutes.
 * - A seek begins at the last whole picture before it.
 */
import type { Bytes } from "../../kernel/bytes";
import { RoomFault } from "../faults";
import { markFor } from "../recording/format";
import { ClusterJoiner } from "./clusters";
import type { Recording } from "./recording";

const PIECE_BYTES = 256 * 1024;
const AHEAD_SECONDS = 30;
const BEHIND_SECONDS = 60;

export class Feed {
  readonly #video: HTMLVideoElement;
  readonly #recording: Recording;
  readonly #source = new MediaSource();
  readonly #address: string;
  readonly #onFault: (error: unknown) => void;
  readonly #entries: ReadonlySet<number>;
  #buffer: SourceBuffer | null = null;
  #joiner: ClusterJoiner;
  #at = 0;
  #turn = 0;
  #feeding = false;
  #ended = false;

  constructor(video: HTMLVideoElement, recording: Recording, onFault: (error: unknown) => void) {
    this.#video = video;
    this.#recording = recording;
    this.#onFault = onFault;
    this.#entries = new Set(recording.index.marks.map(({ offset }) => offset));
    this.#joiner = this.#joinFrom(0);
    this.#address = URL.createObjectURL(this.#source);
    this.#source.addEventListener("sourceopen", () => void this.#open(), { once: true });
    video.addEventListener("seeking", this.#seek);
    video.addEventListener("timeupdate", this.#more);
    video.src = this.#address;
  }

  end(): void {
    this.#ended = true;
    this.#turn += 1;
    this.#video.removeEventListener("seeking", this.#seek);
    this.#video.removeEventListener("timeupdate", this.#more);
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.#address);
  }

  async #open(): Promise<void> {
    try {
      const type = `video/webm; codecs="${this.#recording.codecs}"`;
      if (!MediaSource.isTypeSupported(type)) throw new RoomFault("playback-refused");
      this.#source.duration = this.#recording.index.durationMs / 1_000;
      this.#buffer = this.#source.addSourceBuffer(type);
      const head = await this.#recording.head();
      await this.#append(head);
      this.#at = head.length;
      this.#more();
    } catch (error) {
      this.#onFault(error);
    }
  }

  readonly #more = (): void => {
    if (!this.#feeding && !this.#ended && this.#buffer !== null) void this.#feed();
  };

  readonly #seek = (): void => {
    if (this.#buffer === null || this.#aheadSeconds() > 0) return this.#more();
    const mark = markFor(this.#recording.index, this.#video.currentTime * 1_000);
    if (mark === undefined) return;
    this.#turn += 1; // What is being fetched belongs to where nobody looks any more.
    this.#at = mark.offset;
    this.#joiner = this.#joinFrom(mark.offset);
    this.#feeding = false;
    void this.#restart();
  };

  /** Have the buffer begin anew with what is appended next. */
  async #restart(): Promise<void> {
    const [buffer, turn] = [this.#buffer, this.#turn];
    if (buffer === null) return;
    try {
      if (buffer.updating) await settled(buffer);
      // Opens a source that has ended, and takes nothing away. To set an offset would do so too, but not within a cluster.
      if (this.#source.readyState === "ended")
        await settled(buffer, () => buffer.remove(this.#source.duration, Infinity));
      if (turn !== this.#turn) return;
      if (this.#source.readyState === "open") buffer.abort();
      this.#more();
    } catch (error) {
      if (turn === this.#turn) this.#onFault(error);
    }
  }

  async #feed(): Promise<void> {
    this.#feeding = true;
    const turn = this.#turn;
    try {
      while (turn === this.#turn && this.#aheadSeconds() < AHEAD_SECONDS) {
        const piece = await this.#recording.read(this.#at, PIECE_BYTES);
        if (turn !== this.#turn) return;
        if (piece.length === 0) {
          if (this.#source.readyState === "open") this.#source.endOfStream();
          return;
        }
        await this.#makeRoom();
        if (turn !== this.#turn) return;
        await this.#append(piece);
        if (turn === this.#turn) this.#at += piece.length;
      }
    } catch (error) {
      if (turn === this.#turn) this.#onFault(error);
    } finally {
      if (turn === this.#turn) this.#feeding = false;
    }
  }

  /** Seconds that are ready from where it plays. */
  #aheadSeconds(): number {
    const { buffered, currentTime } = this.#video;
    for (let range = 0; range < buffered.length; range += 1) {
      if (buffered.start(range) <= currentTime + 0.1 && currentTime < buffered.end(range))
        return buffered.end(range) - currentTime;
    }
    return 0;
  }

  async #makeRoom(): Promise<void> {
    const until = this.#video.currentTime - BEHIND_SECONDS;
    const buffer = this.#buffer;
    if (buffer === null || until <= 0 || buffer.buffered.length === 0 || buffer.buffered.start(0) >= until)
      return;
    await settled(buffer, () => buffer.remove(0, until));
  }

  async #append(piece: Bytes): Promise<void> {
    const buffer = this.#buffer;
    if (buffer === null || this.#ended) return;
    const joined = this.#joiner.add(piece);
    if (joined.length > 0) await settled(buffer, () => buffer.appendBuffer(joined));
  }

  #joinFrom(offset: number): ClusterJoiner {
    return new ClusterJoiner(offset, (at) => this.#entries.has(at));
  }
}

/** Until a buffer has done what it is doing, or what `act` has it do. */
function settled(buffer: SourceBuffer, act: () => void = () => undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const finish = (then: () => void) => () => {
      done.abort();
      then();
    };
    buffer.addEventListener("updateend", finish(resolve), { signal: done.signal });
    buffer.addEventListener(
      "error",
      finish(() => reject(new RoomFault("playback-refused"))),
      { signal: done.signal },
    );
    act();
  });
}
