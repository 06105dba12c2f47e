/**
 * What is recorded: one picture of everybody and one sound of everybody, composed in the page.
 *
 * A shared screen takes the large place. The picture is drawn when the recording worker beats, not when the screen is
 * drawn: a clinician who looks at another tab goes on recording.
 */

export interface Seen {
  readonly name: string;
  readonly picture: MediaStreamTrack | null;
  readonly screen: MediaStreamTrack | null;
  readonly voice: MediaStreamTrack | null;
}

const WIDTH = 1280;
const HEIGHT = 720;
const STRIP = 180;
const FRAMES_PER_SECOND = 12;
const GROUND = "#1c1917";
const INK = "#fafaf9";

export class Stage {
  readonly stream: MediaStream;
  readonly #canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D;
  readonly #audio = new AudioContext();
  readonly #mixed: MediaStreamAudioDestinationNode;
  readonly #videos = new Map<MediaStreamTrack, HTMLVideoElement>();
  readonly #voices = new Map<MediaStreamTrack, MediaStreamAudioSourceNode>();
  #seen: readonly Seen[] = [];

  constructor() {
    this.#canvas.width = WIDTH;
    this.#canvas.height = HEIGHT;
    const context = this.#canvas.getContext("2d", { alpha: false });
    if (context === null) throw new TypeError("the browser cannot draw");
    this.#context = context;
    this.#mixed = this.#audio.createMediaStreamDestination();
    void this.#audio.resume();
    this.stream = new MediaStream([
      ...this.#canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks(),
      ...this.#mixed.stream.getAudioTracks(),
    ]);
  }

  /** Show and let hear exactly these from now on. */
  set(seen: readonly Seen[]): void {
    this.#seen = seen;
    const pictures = seen
      .flatMap(({ picture, screen }) => [picture, screen])
      .filter((track) => track !== null);
    keep(this.#videos, pictures, videoOf, (video) => (video.srcObject = null));
    const voices = seen.flatMap(({ voice }) => (voice === null ? [] : [voice]));
    keep(
      this.#voices,
      voices,
      (track) => this.#hear(track),
      (source) => source.disconnect(),
    );
  }

  /** Draw one picture. */
  draw(): void {
    const context = this.#context;
    context.fillStyle = GROUND;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    const screen = this.#seen.find((one) => one.screen !== null);
    if (screen === undefined) return this.#tiles(this.#seen, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
    this.#picture(screen.screen, { x: 0, y: 0, width: WIDTH, height: HEIGHT - STRIP });
    this.#tiles(this.#seen, { x: 0, y: HEIGHT - STRIP, width: WIDTH, height: STRIP }, this.#seen.length);
  }

  end(): void {
    this.set([]);
    for (const track of this.stream.getTracks()) track.stop();
    void this.#audio.close();
  }

  #hear(track: MediaStreamTrack): MediaStreamAudioSourceNode {
    const source = this.#audio.createMediaStreamSource(new MediaStream([track]));
    source.connect(this.#mixed);
    return source;
  }

  #tiles(seen: readonly Seen[], box: Box, columns = Math.ceil(Math.sqrt(seen.length))): void {
    const rows = Math.ceil(seen.length / columns);
    const [width, height] = [box.width / columns, box.height / rows];
    seen.forEach(({ picture, name }, number) => {
      const tile = {
        x: box.x + (number % columns) * width,
        y: box.y + Math.floor(number / columns) * height,
        width,
        height,
      };
      this.#picture(picture, tile);
      this.#context.fillStyle = INK;
      this.#context.font = "20px system-ui, sans-serif";
      this.#context.fillText(name, tile.x + 16, tile.y + height - 16, width - 32);
    });
  }

  /** As large as it fits, nothing cut off. */
  #picture(track: MediaStreamTrack | null, { x, y, width, height }: Box): void {
    const video = track === null ? undefined : this.#videos.get(track);
    if (video === undefined || video.videoWidth === 0) return;
    const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
    const [wide, high] = [video.videoWidth * scale, video.videoHeight * scale];
    this.#context.drawImage(video, x + (width - wide) / 2, y + (height - high) / 2, wide, high);
  }
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function videoOf(track: MediaStreamTrack): HTMLVideoElement {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  void video.play().catch(() => undefined);
  return video;
}

/** Have exactly one value for each key, made and dropped as keys come and go. */
function keep<K, V>(
  known: Map<K, V>,
  wanted: readonly K[],
  make: (key: K) => V,
  drop: (value: V) => unknown,
): void {
  for (const [key, value] of known) {
    if (wanted.includes(key)) continue;
    drop(value);
    known.delete(key);
  }
  for (const key of wanted) if (!known.has(key)) known.set(key, make(key));
}
