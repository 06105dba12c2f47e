/**
 * A room as one tab has it: who is there, a connection to each, keys for each change, chat, and coming back.
 *
 * - One session is one tab. It joins, and joins again under the same tab when the line to the node returns; within five
 *   seconds nobody else notices and no key changes.
 * - The paths between the browsers do not end with the line to the node: people go on talking meanwhile.
 * - Whoever is told to be out sends nothing more, before anything else happens.
 *
 * Start at `RoomSession.join`; the screen observes `subscribe` and `getSnapshot`.
 */
import * as base64url from "../../kernel/base64url";
import { randomBytes, toHex, utf8 } from "../../kernel/bytes";
import { sha256 } from "../../kernel/digest";
import { Epochs } from "../keys/epochs";
import { isEpoch, readRoster, readState, type Place, type Roster } from "../keys/roster";
import { Frames } from "../media/frames";
import type { RoomPorts } from "../ports";
import { Chat, type ChatFile } from "./chat";
import { LocalMedia, type Tracks } from "./local";
import { Peer, type SignalBody } from "./peer";
import { LineJudge, SAMPLE_MS, sampleOf, worstOf } from "./quality";
import {
  EMPTY_ROOM,
  Observable,
  type OutReason,
  type RoomPerson,
  type RoomPhase,
  type RoomState,
} from "./state";

const TAB_BYTES = 16;
/** The newest few explain what happens; all of them would be a log. */
const FAULTS_MAX = 8;
/** Somebody may ask for a key that often; the answer goes to all. */
const REPEAT_MS = 500;
/** What all pictures of a tab together may use upwards: a usual home uplink has twice that. */
const UPLINK_BITS = 2_400_000;
const CAMERA_BITS_MAX = 1_200_000;
const SCREEN_BITS_MAX = 1_500_000;
const OUT_OF: Readonly<Record<string, OutReason>> = {
  "visit.returned/1": "lobby",
  "visit.removed/1": "removed",
  "visit.ended/1": "ended",
  "visit.closed/1": "ended",
};

interface Connected {
  readonly place: Place;
  readonly peer: Peer;
  path: RoomPerson["path"];
}

export class RoomSession {
  readonly visit: string;
  readonly tab = base64url.encode(randomBytes(TAB_BYTES));
  readonly local: LocalMedia;
  readonly frames: Frames;
  readonly #ports: RoomPorts;
  readonly #topic: string;
  readonly #epochs: Epochs;
  readonly #chat: Chat;
  readonly #judge = new LineJudge();
  readonly #state = new Observable<RoomState>(EMPTY_ROOM);
  readonly #connected = new Map<string, Connected>();
  readonly #off: (() => void)[] = [];
  #roster: Roster | null = null;
  #sampling: ReturnType<typeof setInterval> | undefined;
  #repeatedAtMs = -Infinity;
  #over = false;

  /** Throws `FramesUnsupported` where the browser cannot seal frames. */
  constructor(visit: string, ports: RoomPorts, frames: Frames = new Frames()) {
    this.visit = visit;
    this.#topic = `room/${visit}`;
    this.#ports = ports;
    this.frames = frames;
    this.local = new LocalMedia((tracks) => this.#useTracks(tracks));
    this.#epochs = new Epochs({
      visit,
      me: ports.me,
      wallet: ports.wallet,
      frames: this.frames,
      send: (message) => this.#send(message),
      onWord: (from, word) => void this.#chat.hear(from, word),
      onReady: (epoch, sealed) => this.#keysChanged(epoch, sealed),
      onFault: (_from, error) => this.#note(codeOf(error)),
      onMade: (epoch, actors, message) => this.#record(epoch, actors, message),
    });
    this.#chat = new Chat({
      me: ports.me,
      nowMs: ports.nowMs ?? Date.now,
      newId: () => base64url.encode(randomBytes(TAB_BYTES)),
      say: (word) => this.#epochs.say(word),
      onChange: () => this.#state.change({ chat: this.#chat.lines }),
    });
  }

  get subscribe(): (listener: () => void) => () => void {
    return this.#state.subscribe;
  }

  get getSnapshot(): () => RoomState {
    return this.#state.getSnapshot;
  }

  /** Go in, with what the device test has opened. */
  join(stream: MediaStream | null): void {
    const { link } = this.#ports;
    if (stream !== null) this.local.adopt(stream);
    this.#off.push(
      link.on(this.#topic, (message) => this.#take(message)),
      link.on(`visit/${this.visit}`, (message) => this.#learnWhy(message)),
      link.on("hub", (message) => this.#refused(message)),
      link.onState((open) => this.#lineChanged(open)),
    );
    this.#sampling = setInterval(() => void this.#sample(), SAMPLE_MS);
    if (link.open) this.#send({ kind: "join", tab: this.tab });
  }

  /** Go out for good; the session is over. */
  async leave(): Promise<void> {
    if (!this.#over) this.#send({ kind: "leave" });
    await this.#end("left");
  }

  async turn(slot: "microphone" | "camera", on: boolean): Promise<void> {
    await this.local.turn(slot, on);
    if (slot === "camera" && on) this.wantAudioOnly(false);
  }

  share(on: boolean): Promise<void> {
    return this.local.share(on);
  }

  /** Give up the picture, in both directions of this tab's sending, until it is wanted again. */
  wantAudioOnly(wanted: boolean): void {
    if (wanted === this.#state.getSnapshot().audioOnlyWanted) return;
    this.#state.change({ audioOnlyWanted: wanted });
    this.#useTracks(this.local.tracks);
  }

  say(text: string, file: ChatFile | null = null): Promise<void> {
    return this.#chat.post(text, file);
  }

  #send(message: object): boolean {
    return !this.#over && this.#ports.link.send({ topic: this.#topic, ...message });
  }

  #take(message: Record<string, unknown>): void {
    if (this.#over) return;
    const { kind, from, epoch, body } = message;
    if (kind === "present") return this.#present(message);
    if (kind === "replaced") return void this.#end("replaced");
    if (kind === "out") return void this.#end("out");
    if (typeof from !== "string" || from === this.#ports.me) return;
    if (kind === "signal") this.#signalled(from, message.tab, body as SignalBody);
    else if (kind === "state") this.#shown(from, body);
    else if (!isEpoch(epoch) || typeof body !== "string") return;
    else if (kind === "key") void this.#epochs.take(from, epoch, body);
    else if (kind === "sealed") void this.#epochs.hear(from, epoch, body);
  }

  #present(message: Record<string, unknown>): void {
    let roster: Roster;
    try {
      roster = readRoster(message);
    } catch (error) {
      return this.#note(codeOf(error));
    }
    if (
      roster.you !== this.#ports.me ||
      !roster.places.some(({ actor, tab }) => actor === roster.you && tab === this.tab)
    )
      return;
    const wasAway = this.#state.getSnapshot().phase === "away";
    const isNew = this.#roster?.epoch !== roster.epoch;
    this.#roster = roster;
    void this.#epochs.enter(roster);
    this.#connect(roster);
    if (wasAway) for (const { peer } of this.#connected.values()) peer.refresh({ missed: isNew });
    if (isNew || wasAway) this.#show();
    this.#state.change({
      phase: "in",
      others: this.#people(),
      kems: Object.fromEntries(roster.places.map(({ actor, kem }) => [actor, kem])),
    });
  }

  /** A connection to everybody who is there, none to anybody else. */
  #connect(roster: Roster): void {
    const others = roster.places.filter(({ actor }) => actor !== this.#ports.me);
    for (const [actor, { place, peer }] of this.#connected) {
      if (others.some((other) => other.actor === actor && other.tab === place.tab)) continue;
      peer.close();
      this.#connected.delete(actor);
    }
    for (const place of others) {
      const known = this.#connected.get(place.actor);
      if (known !== undefined) this.#connected.set(place.actor, { ...known, place });
      else this.#meet(place, roster);
    }
    this.#useTracks(this.local.tracks);
  }

  #meet(place: Place, { ice, relayOnly }: Roster, begins = false): Peer {
    const { actor, tab } = place;
    this.#chat.excuse(actor);
    const peer = new Peer({
      polite: this.#ports.me > actor,
      begins,
      actor,
      frames: this.frames,
      ice,
      relayOnly,
      send: (body) => void this.#send({ kind: "signal", to: actor, to_tab: tab, body }),
      onPath: (path) => {
        const connected = this.#connected.get(actor);
        if (connected?.peer !== peer) return;
        connected.path = path;
        this.#state.change({ others: this.#people() });
      },
    });
    this.#connected.set(actor, { place, peer, path: "connecting" });
    return peer;
  }

  /** The other side has begun anew while this tab was away: so does this one. An answer was to what is over now. */
  #meetAgain({ place, peer }: Connected, body: SignalBody, roster: Roster): void {
    peer.close();
    const isOffer = body.description?.type === "offer";
    const again = this.#meet(place, roster, !isOffer);
    this.#useTracks(this.local.tracks);
    this.#state.change({ others: this.#people() });
    if (isOffer) void again.take(body);
  }

  #signalled(from: string, tab: unknown, body: SignalBody): void {
    const connected = this.#connected.get(from);
    if (connected === undefined || connected.place.tab !== tab || typeof body !== "object") return;
    if (this.#roster !== null && connected.peer.isOfAnother(body))
      return this.#meetAgain(connected, body, this.#roster);
    if (body.ask !== "key") return void connected.peer.take(body);
    if (performance.now() - this.#repeatedAtMs < REPEAT_MS) return;
    this.#repeatedAtMs = performance.now();
    this.#epochs.repeat();
  }

  #shown(from: string, body: unknown): void {
    const connected = this.#connected.get(from);
    if (connected === undefined) return;
    this.#connected.set(from, { ...connected, place: { ...connected.place, state: readState(body) } });
    this.#state.change({ others: this.#people() });
  }

  #keysChanged(epoch: number, sealed: boolean): void {
    this.#state.change({ epoch, sealed });
    if (sealed) void this.#chat.repeatTo([...this.#connected.keys()]);
  }

  /** Have the ledger note which key was made for whom. Frames do not wait for it, and a refusal needs no answer. */
  #record(epoch: number, actors: readonly string[], message: string): void {
    const envelopes = toHex(sha256(utf8(message)));
    const body = { visit: this.visit, epoch, participants: [...actors].sort(), envelopes };
    this.#ports.command?.([{ type: "visit.open-epoch/1", body }]).catch(() => undefined);
  }

  #lineChanged(open: boolean): void {
    if (this.#over) return;
    if (open) this.#send({ kind: "join", tab: this.tab });
    else if (this.#state.getSnapshot().phase === "in") this.#state.change({ phase: "away" });
  }

  /** The visit says what was done; the room says `out` only. They come in either order. */
  #learnWhy(message: Record<string, unknown>): void {
    const changes = Array.isArray(message.changes) ? (message.changes as Record<string, unknown>[]) : [];
    for (const { type, participant } of changes) {
      const reason = typeof type === "string" ? OUT_OF[type] : undefined;
      const isMine = participant === undefined || participant === this.#ports.me;
      if (reason !== undefined && isMine) this.#state.change({ outReason: reason });
    }
  }

  #refused({ event, of, code }: Record<string, unknown>): void {
    if (event !== "refused" || of !== this.#topic || typeof code !== "string") return;
    if (code === "not-admitted") return void this.#end("out");
    if (code === "place-taken") return void this.#send({ kind: "join", tab: this.tab });
    if (code !== "peer-absent" && code !== "epoch-passed") this.#note(code);
  }

  #useTracks(tracks: Tracks): void {
    const { quality, audioOnlyWanted } = this.#state.getSnapshot();
    const noPicture = audioOnlyWanted || quality === "audio-only";
    const others = Math.max(1, this.#connected.size);
    for (const { peer } of this.#connected.values()) {
      const camera = noPicture ? null : tracks.camera;
      void Promise.all([
        peer.setTrack("microphone", tracks.microphone),
        peer.setTrack("camera", camera),
        peer.setTrack("screen", tracks.screen),
        peer.limit("camera", Math.min(CAMERA_BITS_MAX, Math.floor(UPLINK_BITS / others))),
        peer.limit("screen", Math.min(SCREEN_BITS_MAX, Math.floor(UPLINK_BITS / others))),
      ]).catch((error: unknown) => console.debug("room: a track did not go out", error));
    }
    this.#state.change({ mine: tracks });
    this.#show();
  }

  /** Tell the others what they see and hear of this tab. */
  #show(): void {
    const { mine, quality, audioOnlyWanted } = this.#state.getSnapshot();
    const shown = audioOnlyWanted ? "audio-only" : quality;
    const isLive = (track: MediaStreamTrack | null) => track !== null && track.enabled;
    const camera = isLive(mine.camera) && shown !== "audio-only";
    const body = { microphone: isLive(mine.microphone), camera, screen: isLive(mine.screen), quality: shown };
    if (this.#roster !== null) this.#send({ kind: "state", body });
  }

  async #sample(): Promise<void> {
    const reports = await Promise.all([...this.#connected.values()].map(({ peer }) => peer.stats()));
    if (reports.length === 0 || this.#over) return;
    const quality = this.#judge.add(
      worstOf(reports.map((report) => sampleOf(report as Iterable<[string, unknown]>))),
    );
    if (quality === this.#state.getSnapshot().quality) return;
    this.#state.change({ quality });
    this.#useTracks(this.local.tracks);
  }

  #people(): RoomPerson[] {
    return [...this.#connected.values()].map(({ place, peer, path }) => {
      const { actor, role, tab, state } = place;
      return { actor, role, tab, state, path, streams: peer.streams };
    });
  }

  #note(code: string): void {
    this.#state.change({ faults: [...this.#state.getSnapshot().faults, code].slice(-FAULTS_MAX) });
  }

  /** INVARIANT: the connections are closed before anything is waited for. */
  async #end(phase: RoomPhase): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    for (const { peer } of this.#connected.values()) peer.close();
    this.#connected.clear();
    this.local.end();
    clearInterval(this.#sampling);
    // Why one is out may be told a moment later; only that is still listened to.
    const [room, , hub, state] = this.#off;
    for (const off of [room, hub, state]) off?.();
    this.#state.change({ phase, others: [], mine: this.local.tracks, sealed: false });
    await this.#epochs.end().catch(() => undefined);
    this.frames.end();
  }

  /** Stop listening to why; the page is gone. */
  dispose(): void {
    for (const off of this.#off) off();
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "room-fault";
}
