/**
 * One connection to one other tab, by perfect negotiation (WebRTC 1.0, section 10.7).
 *
 * - INVARIANT: each sender and each receiver has its transform before anything is negotiated; so there is no frame that
 *   is not sealed. That is why all three slots are made at once, by `addTrack`, which an offer of the other side reuses.
 * - Only VP8 and Opus are negotiated: the sealing knows which of their bytes the packetizer needs.
 * - A path that breaks is looked for again (ICE restart) until the peer is closed.
 */
import { SLOTS, type Slot } from "../media/encoded";
import type { Frames } from "../media/frames";
import { fingerprintOf, withoutStrayFeedback } from "./sdp";
import { silentTracks } from "./silence";

/** A gap shorter than this heals by itself on most networks. */
const HEAL_MS = 700;
/** The other side begins a little later, so that both do not restart at once. */
const HEAL_LATER_MS = 1_800;
/** While there is no path, look for one again this often. */
const AGAIN_MS = 4_000;
/** An offer that nobody answered was lost with the connection that carried it. */
const UNANSWERED_MS = 2_500;

export interface SignalBody {
  readonly description?: { readonly type: string; readonly sdp: string };
  readonly candidate?: RTCIceCandidateInit;
  readonly ask?: "key";
}

export type PathState = "connecting" | "connected" | "broken";

export interface PeerPorts {
  /** Of two peers one yields when both offer: the one with the higher id. */
  readonly polite: boolean;
  /** Whether it offers by itself at once; the one that is not polite does anyway. */
  readonly begins?: boolean;
  readonly actor: string;
  readonly frames: Pick<Frames, "seal" | "open">;
  readonly ice: readonly RTCIceServer[];
  readonly relayOnly: boolean;
  readonly send: (body: SignalBody) => void;
  readonly onPath: (state: PathState) => void;
}

export type Streams = Readonly<Record<Slot, MediaStream>>;

export class Peer {
  readonly #ports: PeerPorts;
  readonly #connection: RTCPeerConnection;
  readonly #senders: Record<Slot, RTCRtpSender>;
  readonly streams: Streams;
  #begun: boolean;
  #makingOffer = false;
  #ignoring = false;
  #closed = false;
  #healing: ReturnType<typeof setTimeout> | undefined;
  #unanswered: ReturnType<typeof setTimeout> | undefined;

  constructor(ports: PeerPorts) {
    this.#ports = ports;
    this.#begun = ports.begins === true || !ports.polite;
    this.#connection = new RTCPeerConnection({
      iceServers: [...ports.ice],
      iceTransportPolicy: ports.relayOnly ? "relay" : "all",
      bundlePolicy: "max-bundle",
    });
    const made = SLOTS.map((slot) => this.#makeSlot(slot));
    // Not before all are made: `addTrack` would take a sender without a track for the next slot.
    for (const { sender } of made) emptySender(sender);
    this.#senders = recordOf((at) => (made[at] as RTCRtpTransceiver).sender);
    this.streams = recordOf((at) => new MediaStream([(made[at] as RTCRtpTransceiver).receiver.track]));
    this.#connection.onnegotiationneeded = () => void this.#offer();
    this.#connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null) ports.send({ candidate: candidateOf(candidate) });
    };
    this.#connection.onconnectionstatechange = () => this.#watchPath();
  }

  /** Send this track in a slot, or nothing. */
  async setTrack(slot: Slot, track: MediaStreamTrack | null): Promise<void> {
    if (!this.#closed) await this.#senders[slot].replaceTrack(track);
  }

  /** Never send more than this of a slot. */
  async limit(slot: Slot, bitsPerSecond: number): Promise<void> {
    const sender = this.#senders[slot];
    const parameters = sender.getParameters();
    const [encoding] = parameters.encodings;
    if (this.#closed || encoding === undefined || encoding.maxBitrate === bitsPerSecond) return;
    encoding.maxBitrate = bitsPerSecond;
    await sender.setParameters(parameters);
  }

  /** Take what the other side signals. */
  async take(body: SignalBody): Promise<void> {
    if (this.#closed) return;
    try {
      if (body.description !== undefined) await this.#describe(body.description as RTCSessionDescriptionInit);
      else if (body.candidate !== undefined) await this.#connection.addIceCandidate(body.candidate);
    } catch (error) {
      // What belongs to an offer that was ignored does not fit, and need not; anything else shows as a missing path.
      if (!this.#ignoring) console.debug("room: a signal did not fit", error);
    }
  }

  /**
   * Whether a signal comes from another connection than this one is connected to. Its certificate says so: each
   * connection makes its own, and Firefox cannot go on with another one.
   */
  isOfAnother({ description }: SignalBody): boolean {
    const known = fingerprintOf(this.#connection.remoteDescription?.sdp);
    const told = fingerprintOf(description?.sdp);
    return known !== undefined && told !== undefined && known !== told;
  }

  /**
   * The line to the node was away: what was signalled meanwhile is lost. Where `missed`, the others may have given the
   * connection up, though on this side it looks as if it lived.
   */
  refresh({ missed }: { missed: boolean }): void {
    if (missed || this.#connection.connectionState !== "connected") this.#connection.restartIce();
    this.#repeatOffer();
  }

  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#healing);
    clearTimeout(this.#unanswered);
    this.#connection.close();
  }

  #makeSlot(slot: Slot): RTCRtpTransceiver {
    const { frames, actor } = this.#ports;
    const placeholder = silentTracks()[slot === "microphone" ? "audio" : "video"].clone();
    const sender = this.#connection.addTrack(placeholder);
    const transceiver = this.#connection.getTransceivers().find((found) => found.sender === sender);
    if (transceiver === undefined) throw new TypeError("the browser made no transceiver");
    frames.seal(sender, slot);
    frames.open(transceiver.receiver, slot, actor);
    transceiver.setCodecPreferences(codecsOf(slot));
    return transceiver;
  }

  async #offer(): Promise<void> {
    if (this.#closed || !this.#begun) return;
    try {
      this.#makingOffer = true;
      await this.#connection.setLocalDescription();
      this.#sendDescription();
    } catch (error) {
      console.debug("room: no offer was made", error);
    } finally {
      this.#makingOffer = false;
    }
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<void> {
    const connection = this.#connection;
    const collides =
      description.type === "offer" && (this.#makingOffer || connection.signalingState !== "stable");
    this.#ignoring = !this.#ports.polite && collides;
    if (this.#ignoring) return;
    this.#begun = true;
    await connection.setRemoteDescription(mended(description));
    if (description.type !== "offer") return;
    await connection.setLocalDescription();
    this.#sendDescription();
  }

  #sendDescription(): void {
    const description = this.#connection.localDescription;
    if (description === null) return;
    this.#ports.send({ description: { type: description.type, sdp: description.sdp } });
    clearTimeout(this.#unanswered);
    if (description.type === "offer") this.#unanswered = setTimeout(() => this.#repeatOffer(), UNANSWERED_MS);
  }

  #repeatOffer(): void {
    if (!this.#closed && this.#connection.signalingState === "have-local-offer") this.#sendDescription();
  }

  #watchPath(): void {
    clearTimeout(this.#healing);
    const state = this.#connection.connectionState;
    if (this.#closed || state === "closed") return;
    if (state === "connected") return this.#ports.onPath("connected");
    const broken = state === "disconnected" || state === "failed";
    this.#ports.onPath(broken ? "broken" : "connecting");
    if (broken) this.#heal(this.#ports.polite ? HEAL_LATER_MS : HEAL_MS);
  }

  #heal(afterMs: number): void {
    this.#healing = setTimeout(() => {
      if (this.#closed || this.#connection.connectionState === "connected") return;
      this.#connection.restartIce();
      this.#heal(AGAIN_MS);
    }, afterMs);
  }
}

function emptySender(sender: RTCRtpSender): void {
  const placeholder = sender.track;
  void sender.replaceTrack(null).then(() => placeholder?.stop());
}

function codecsOf(slot: Slot): RTCRtpCodec[] {
  const kind = slot === "microphone" ? "audio" : "video";
  const wanted = kind === "audio" ? ["audio/opus"] : ["video/vp8", "video/rtx"];
  const known = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  return known.filter(({ mimeType }) => wanted.includes(mimeType.toLowerCase()));
}

function mended({ type, sdp }: RTCSessionDescriptionInit): RTCSessionDescriptionInit {
  return sdp === undefined ? { type } : { type, sdp: withoutStrayFeedback(sdp) };
}

function candidateOf(candidate: RTCIceCandidate): RTCIceCandidateInit {
  const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
  return { candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment };
}

function recordOf<T>(make: (at: number) => T): Record<Slot, T> {
  return { microphone: make(0), camera: make(1), screen: make(2) };
}
