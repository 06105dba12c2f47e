/** One's own camera, microphone and screen: taken when wanted, let go when not, so that a light that is off means off. */
import { RoomFault } from "../faults";
import type { Slot } from "../media/encoded";

export type Tracks = Readonly<Record<Slot, MediaStreamTrack | null>>;

/** Enough for a face and for reading a medicine's label held up; more costs each of five uplinks. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 24, max: 30 },
};
const MICROPHONE: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

/** What is turned on and off; a screen is asked for anew each time. */
export type Device = "microphone" | "camera";

export class LocalMedia {
  #tracks: Tracks = { microphone: null, camera: null, screen: null };
  #had: readonly Device[] = [];
  readonly #asking = new Set<Device>();
  #isOver = false;

  constructor(private readonly onChange: (tracks: Tracks) => void) {}

  get tracks(): Tracks {
    return this.#tracks;
  }

  /** What was on when everything was let go. */
  get had(): readonly Device[] {
    return this.#had;
  }

  /** Begin with what the device test has opened. */
  adopt(stream: MediaStream): void {
    const [microphone = null] = stream.getAudioTracks();
    const [camera = null] = stream.getVideoTracks();
    this.#watch("microphone", microphone);
    this.#watch("camera", camera);
    this.#set({ microphone, camera });
  }

  /** Open the microphone or camera, or let it go; throws what the browser says when it is refused. */
  async turn(slot: Device, on: boolean): Promise<void> {
    if (!on) return this.#stop(slot);
    if (this.#tracks[slot] !== null || this.#asking.has(slot)) return;
    const wanted = slot === "camera" ? { video: CAMERA } : { audio: MICROPHONE };
    this.#asking.add(slot);
    try {
      const [track = null] = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
      this.#take(slot, track);
    } finally {
      this.#asking.delete(slot);
    }
  }

  /** Ask which screen or window to show, or end showing it. */
  async share(on: boolean): Promise<void> {
    if (!on) return this.#stop("screen");
    const stream = await navigator.mediaDevices
      .getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false })
      .catch((error: unknown) => Promise.reject(screenFault(error)));
    const [track = null] = stream.getVideoTracks();
    if (track !== null) track.contentHint = "detail";
    this.#stop("screen");
    this.#take("screen", track);
  }

  /** Let everything go. */
  end(): void {
    this.#isOver = true;
    this.#had = (["microphone", "camera"] as const).filter((slot) => this.#tracks[slot] !== null);
    for (const track of Object.values(this.#tracks)) track?.stop();
    this.#tracks = { microphone: null, camera: null, screen: null };
  }

  /** Whoever has left meanwhile leaves nothing on. */
  #take(slot: Slot, track: MediaStreamTrack | null): void {
    if (this.#isOver) return track?.stop();
    this.#watch(slot, track);
    this.#set({ [slot]: track });
  }

  /** Unplugged, taken by the system, or ended by the browser's own button for screens: then it is not on any more. */
  #watch(slot: Slot, track: MediaStreamTrack | null): void {
    track?.addEventListener("ended", () => this.#tracks[slot] === track && this.#stop(slot));
  }

  #stop(slot: Slot): void {
    const track = this.#tracks[slot];
    if (track === null) return;
    track.stop();
    this.#set({ [slot]: null });
  }

  #set(change: Partial<Record<Slot, MediaStreamTrack | null>>): void {
    this.#tracks = { ...this.#tracks, ...change };
    this.onChange(this.#tracks);
  }
}

/** A screen that is not found is none to plug in: the system keeps it from the browser. */
function screenFault(error: unknown): unknown {
  const isMissing = error instanceof DOMException && error.name === "NotFoundError";
  return isMissing ? new RoomFault("screen-missing", { cause: error }) : error;
}
