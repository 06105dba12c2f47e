/**
 * Recording a visit, seen from the page: compose, record, hand each second to the worker.
 *
 * - Nothing is recorded before the node has agreed: the entry that says so is durable before the recorder starts.
 * - When the node says that it stopped (somebody took back consent), the recorder stops before anything else happens.
 * - When this page is lost, or the network for good, another page of this browser can finish it (`finish.ts`).
 */
import type { RoomPorts } from "../ports";
import { RoomFault } from "../faults";
import type { FromRecorder, ToRecorder } from "./messages";
import { Stage, type Seen } from "./stage";

const PIECE_MS = 1_000;
/** A seek goes to one of these; closer ones would cost a third of the bytes. */
const KEY_FRAME_MS = 2_000;
const VIDEO_BITS = 1_500_000;
const AUDIO_BITS = 64_000;
const CODECS = "vp8,opus";
/** A worker that says nothing for so long after the end has lost the network for good. */
const FINISH_MS = 10 * 60_000;

export type RecorderPhase = "idle" | "starting" | "recording" | "finishing" | "kept" | "failed";

export interface RecorderState {
  readonly phase: RecorderPhase;
  readonly object: string | null;
  readonly keptBytes: number;
  readonly waitingBytes: number;
  /** Whether what was recorded until now is in this browser's journal too. */
  readonly guarded: boolean;
  readonly code: string | null;
}

export const NOT_RECORDED: RecorderState = {
  phase: "idle",
  object: null,
  keptBytes: 0,
  waitingBytes: 0,
  guarded: false,
  code: null,
};

export interface RecorderPlan {
  readonly ports: RoomPorts & { readonly origin: string };
  readonly visit: string;
  /** Who may read the object: patient, clinician, colleagues. */
  readonly readers: readonly string[];
  /** X-Wing keys of oneself and of those readers who are in the room. */
  readonly recipients: readonly string[];
}

export class Recorder {
  state: RecorderState = NOT_RECORDED;
  readonly #plan: RecorderPlan;
  readonly #onChange: (state: RecorderState) => void;
  readonly #worker: Worker;
  #isGivenUp = false;
  #stage: Stage | null = null;
  #media: MediaRecorder | null = null;
  #settle: { begun: (object: string) => void; finished: () => void; failed: (code: string) => void } | null =
    null;

  constructor(plan: RecorderPlan, onChange: (state: RecorderState) => void, worker: Worker = startWorker()) {
    this.#plan = plan;
    this.#onChange = onChange;
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<FromRecorder>) => this.#hear(event.data);
  }

  /** Ask the node, then record. Throws what the node refuses with. */
  async start(seen: readonly Seen[]): Promise<void> {
    const { visit, ports } = this.#plan;
    this.#set({ phase: "starting" });
    let isRunning = false;
    try {
      checkSupport();
      const object = await this.#begin();
      this.#checkWanted();
      await ports.command?.([{ type: "visit.start-recording/1", body: { visit, object } }]);
      isRunning = true;
      this.#checkWanted();
      this.#set({ object });
      this.#record(seen);
    } catch (error) {
      // Else it would stand on the visit as running, and nobody could say what runs.
      if (isRunning) this.#sayStopped();
      if (error instanceof GivenUp) this.#forget();
      else this.#fail(error);
      throw error;
    }
  }

  /** Have the worker begin the object, and draw its key. */
  #begin(): Promise<string> {
    const { visit, ports, readers, recipients } = this.#plan;
    const begun = new Promise<string>((resolve, reject) => {
      this.#settle = {
        begun: resolve,
        finished: () => undefined,
        failed: (code) => reject(new RecorderRefused(code)),
      };
    });
    this.#tell({
      do: "begin",
      actor: ports.me,
      origin: ports.origin,
      visit,
      codecs: CODECS,
      readers,
      recipients,
    });
    return begun;
  }

  /** Whoever went away, or took consent back, while it was prepared does not want it any more. */
  #checkWanted(): void {
    if (this.#isGivenUp) throw new GivenUp();
  }

  #forget(): void {
    this.#tell({ do: "forget" }); // It ends itself.
    this.#set(NOT_RECORDED);
  }

  /** Who is to be seen and heard has changed. */
  show(seen: readonly Seen[]): void {
    this.#stage?.set(seen);
  }

  /** Stop at once; seal, and link the recording to the visit. `told` when the node has stopped it already. */
  async stop({ told }: { told: boolean }): Promise<void> {
    if (this.state.phase === "starting") this.#isGivenUp = true;
    if (this.state.phase !== "recording") return;
    this.#set({ phase: "finishing" });
    const { visit, ports } = this.#plan;
    const last = this.#endMedia();
    this.#stage?.end();
    await last;
    try {
      if (!told) await ports.command?.([{ type: "visit.stop-recording/1", body: { visit } }]);
      await this.#finish();
      await ports.command?.([
        { type: "visit.add-object/1", body: { visit, object: this.state.object, role: "recording" } },
      ]);
      this.#set({ phase: "kept" });
      this.#tell({ do: "forget" }); // It ends itself.
    } catch (error) {
      this.#fail(error);
    }
  }

  #record(seen: readonly Seen[]): void {
    this.#stage = new Stage();
    this.#stage.set(seen);
    this.#media = new MediaRecorder(this.#stage.stream, recorderOptions());
    let handing: Promise<void> = Promise.resolve();
    this.#media.ondataavailable = ({ data }) => {
      handing = handing.then(async () => {
        const piece = await data.arrayBuffer();
        this.#worker.postMessage({ do: "piece", piece } satisfies ToRecorder, [piece]);
      });
      this.#handed = handing;
    };
    // A recorder that met an error stops by itself: what is said to be recorded must be.
    this.#media.addEventListener("stop", () => void this.stop({ told: false }));
    this.#media.start(PIECE_MS);
    this.#set({ phase: "recording" });
  }

  /** Settled when the last piece was given out. */
  #endMedia(): Promise<void> {
    const media = this.#media;
    if (media === null || media.state === "inactive") return Promise.resolve();
    const last = new Promise<void>((resolve) =>
      media.addEventListener("stop", () => resolve(), { once: true }),
    );
    media.stop();
    return last;
  }

  #handed: Promise<void> = Promise.resolve();

  async #finish(): Promise<void> {
    await this.#handed;
    const finished = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new RecorderRefused("recording-refused")), FINISH_MS);
      const failed = (code: string) => reject(new RecorderRefused(code));
      this.#settle = { begun: () => undefined, finished: () => (clearTimeout(timer), resolve()), failed };
    });
    this.#tell({ do: "finish" });
    await finished;
  }

  #hear(message: FromRecorder): void {
    if (message.say === "tick") this.#stage?.draw();
    else if (message.say === "begun") this.#settle?.begun(message.object);
    else if (message.say === "kept") this.#kept(message);
    else if (message.say === "full") void this.stop({ told: false });
    else if (message.say === "finished") this.#settle?.finished();
    else this.#failed(message.code);
  }

  #kept({ bytes, waiting, guarded }: FromRecorder & { say: "kept" }): void {
    this.#set({ keptBytes: bytes, waitingBytes: waiting, guarded });
  }

  #failed(code: string): void {
    this.#settle?.failed(code);
    if (this.state.phase === "recording") {
      void this.#endMedia();
      this.#sayStopped();
      this.#fail(new RecorderRefused(code));
    }
  }

  /** It runs no more; a refusal says that the node knew. */
  #sayStopped(): void {
    const { visit, ports } = this.#plan;
    ports.command?.([{ type: "visit.stop-recording/1", body: { visit } }]).catch(() => undefined);
  }

  #fail(error: unknown): void {
    this.#stage?.end();
    this.#worker.terminate();
    const code = (error as { code?: unknown } | null)?.code;
    this.#set({ phase: "failed", code: typeof code === "string" ? code : "recording-refused" });
  }

  #tell(message: ToRecorder): void {
    this.#worker.postMessage(message);
  }

  #set(change: Partial<RecorderState>): void {
    this.state = { ...this.state, ...change };
    this.#onChange(this.state);
  }
}

class GivenUp extends Error {}

function checkSupport(): void {
  if (typeof MediaRecorder === "undefined" || !MediaRecorder.isTypeSupported(`video/webm;codecs=${CODECS}`)) {
    throw new RoomFault("recording-unsupported");
  }
}

/** How a visit is recorded. */
export function recorderOptions(): MediaRecorderOptions & { videoKeyFrameIntervalDuration: number } {
  return {
    mimeType: `video/webm;codecs=${CODECS}`,
    videoBitsPerSecond: VIDEO_BITS,
    audioBitsPerSecond: AUDIO_BITS,
    videoKeyFrameIntervalDuration: KEY_FRAME_MS,
  };
}

export class RecorderRefused extends Error {
  constructor(readonly code: string) {
    super(`the recording is refused: ${code}`);
  }
}

function startWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "recording" });
}
