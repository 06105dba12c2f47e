/**
 * A page that is nothing but a room, for tests in a real browser: the parts are the app's own, the keys made here, the
 * live connection a WebSocket to the tests' relay.
 */
import * as base64url from "../../src/kernel/base64url";
import type { Bytes } from "../../src/kernel/bytes";
import { systemClock } from "../../src/kernel/clock";
import { IdSource } from "../../src/kernel/ids";
import { NodeClient } from "../../src/kernel/node_client";
import { ObjectReader } from "../../src/kernel/object_reader";
import { registerCommand, type Command } from "../../src/kernel/requests";
import { createWallet, kemText } from "../../src/kernel/wallet";
import { WalletStore } from "../../src/kernel/wallet_store";
import { generateSigningKey, type SigningKey } from "../../src/kernel/keypair";
import { generateRecipientKey, type RecipientKey } from "../../src/kernel/recipient";
import type { Slot } from "../../src/room/media/encoded";
import { Frames } from "../../src/room/media/frames";
import { KeyRing } from "../../src/room/media/ring";
import { FrameRefused } from "../../src/room/media/sframe";
import { RoomSession } from "../../src/room/mesh/session";
import type { LiveLink, RoomPorts } from "../../src/room/ports";
import { Feed } from "../../src/room/playback/feed";
import { Recording, type RangeReader } from "../../src/room/playback/recording";
import { claimed } from "../../src/room/recording/claim";
import { finishRecording, type VisitNow } from "../../src/room/recording/finish";
import { RecordingJournal } from "../../src/room/recording/journal";
import type { FromRecorder, ToRecorder } from "../../src/room/recording/messages";
import { Recorder, recorderOptions, type RecorderState } from "../../src/room/recording/recorder";

import { Loop } from "./loop";

let place: { object: string; source: RangeReader };
let node: NodeClient;
/** A recording of hours on its way. */
let hours = { keptBytes: 0, seconds: 0, object: "", done: false, fault: "" };
/** So much waits in the worker at most: a real recorder gives 200 KB each second. */
const AHEAD_BYTES = 8 * 1024 * 1024;
const ROUND_SECONDS = 5;
/** For what is asked for to be fetched, decrypted and decoded on a busy machine. */
const PLAY_MS = 20_000;

interface Tapped {
  way: string;
  slot: Slot;
  kid: number;
  wire: ArrayBuffer;
}

/** Frames whose secrets and wire can be looked at. */
class OpenFrames extends Frames {
  readonly tapped: Tapped[] = [];
  readonly secrets: { kid: number; secret: string; of: string }[] = [];

  constructor() {
    const worker = new Worker(new URL("./tapped_worker.ts", import.meta.url), { type: "module" });
    super(() => worker);
    worker.addEventListener("message", (event: MessageEvent<Tapped & { say: string }>) => {
      if (event.data.say === "tap") this.tapped.push(event.data);
    });
  }

  override async sendUnder(secret: Bytes, kid: number): Promise<void> {
    this.secrets.push({ kid, secret: base64url.encode(secret), of: "me" });
    await super.sendUnder(secret, kid);
  }

  override async receiveUnder(
    secret: Bytes,
    of: { kid: number; sender: string; epoch: number },
  ): Promise<void> {
    this.secrets.push({ kid: of.kid, secret: base64url.encode(secret), of: of.sender });
    await super.receiveUnder(secret, of);
  }
}

/** Connections whose paths can be looked at. */
const connections: RTCPeerConnection[] = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration?: RTCConfiguration) {
    super(configuration);
    connections.push(this);
  }
};

/** What one connection goes over and brings: kinds of candidates, and what was decoded of the other side. */
interface Path {
  local: string;
  remote: string;
  pictures: number;
  soundSeconds: number;
}

/** The tests' live connection: it comes back by itself, as the app's does. */
class Line implements LiveLink {
  open = false;
  silent = false;
  readonly #listeners = new Map<string, Set<(message: Record<string, unknown>) => void>>();
  readonly #states = new Set<(open: boolean) => void>();
  #socket: WebSocket | null = null;

  constructor(private readonly actor: string) {
    this.connect();
  }

  connect(): void {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/live?actor=${this.actor}`);
    this.#socket = socket;
    socket.onopen = () => this.#set(true);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Record<string, unknown>;
      this.#listeners.get(String(message.topic))?.forEach((listener) => listener(message));
    };
    socket.onclose = () => {
      this.#set(false);
      setTimeout(() => this.connect(), 300);
    };
  }

  drop(): void {
    this.#socket?.close();
  }

  send(message: object): boolean {
    if (!this.open) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  on(topic: string, listener: (message: Record<string, unknown>) => void): () => void {
    const known = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, known.add(listener));
    return () => known.delete(listener);
  }

  onState(listener: (open: boolean) => void): () => void {
    this.#states.add(listener);
    return () => this.#states.delete(listener);
  }

  #set(open: boolean): void {
    this.open = open;
    this.#states.forEach((listener) => listener(open));
  }
}

let wallet: { signingKey: SigningKey; kemKey: RecipientKey };
let line: Line;
let frames: OpenFrames;
let session: RoomSession;

const harness = {
  /** Make keys; answers the public ones. */
  async arm(): Promise<{ keys: unknown; kem: string }> {
    wallet = { signingKey: await generateSigningKey(), kemKey: await generateRecipientKey() };
    return { keys: wallet.signingKey.public.jwks(), kem: base64url.encode(wallet.kemKey.public.bytes) };
  },

  /** What a room is given, with the keys of this tab. */
  ports(actor: string): RoomPorts {
    line = new Line(actor);
    return { me: actor, link: line, wallet, nameOf: (id) => id };
  },

  async join(visit: string, actor: string): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: true,
      video: { width: 320, height: 240 },
    });
    line = new Line(actor);
    frames = new OpenFrames();
    session = new RoomSession(visit, { me: actor, link: line, wallet, nameOf: (id) => id }, frames);
    session.join(stream);
    session.subscribe(render);
  },

  state() {
    const { phase, outReason, epoch, sealed, others, chat, faults } = session.getSnapshot();
    const people = others.map(({ actor, path, state }) => ({ actor, path, state }));
    return { phase, outReason, epoch, sealed, people, chat, faults };
  },

  counts: () => frames.counts(),
  say: (text: string) => session.say(text),
  drop: () => line.drop(),
  leave: () => session.leave(),
  turn: (slot: "microphone" | "camera", on: boolean) => session.turn(slot, on),
  secrets: () => frames.secrets,

  /** How each connection that stands goes, and what came over it. */
  async paths(): Promise<Path[]> {
    const standing = connections.filter(({ connectionState }) => connectionState === "connected");
    return Promise.all(standing.map(async (connection) => pathOf(await connection.getStats())));
  },

  /** Ask servers for a relayed address; answers the kinds of what they gave, and the codes of their refusals. */
  async gather(iceServers: RTCIceServer[]): Promise<{ given: string[]; refused: number[] }> {
    const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
    const [given, refused]: [string[], number[]] = [[], []];
    connection.onicecandidateerror = ({ errorCode }) => refused.push(errorCode);
    const done = new Promise<void>((resolve) => {
      connection.onicecandidate = ({ candidate }) => {
        if (candidate === null) resolve();
        else if (candidate.type !== null) given.push(candidate.type);
      };
    });
    connection.createDataChannel("any");
    await connection.setLocalDescription();
    await done;
    connection.close();
    return { given, refused };
  },

  /** Frames of one key as they went to the network. */
  wire(way: string, slot: string, kid: number): string[] {
    return frames.tapped
      .filter((one) => one.way === way && one.slot === slot && one.kid === kid)
      .map((one) => base64url.encode(new Uint8Array(one.wire)));
  },

  /** Try to open frames of the wire with a secret; answers what came of each. */
  async openWire(
    wire: string[],
    options: { slot: Slot; secret: string; kid: number; sender: string },
  ): Promise<string[]> {
    const ring = new KeyRing(() => performance.now());
    const { slot, kid, sender } = options;
    await ring.setReceiving(base64url.decode(options.secret), { kid, sender, epoch: 1 });
    const open = async (frame: string) => {
      try {
        await ring.open(slot, sender, base64url.decode(frame));
        return "opened";
      } catch (error) {
        return error instanceof FrameRefused ? error.fault : String(error);
      }
    };
    return Promise.all(wire.map(open));
  },

  /** Put a wrong secret in the place of a sender's present one. */
  async spoil(sender: string): Promise<void> {
    const now = frames.secrets.filter(({ of }) => of === sender).at(-1);
    if (now === undefined) throw new TypeError("no key of that sender");
    const wrong = crypto.getRandomValues(new Uint8Array(32));
    await frames.receiveUnder(wrong, { kid: now.kid, sender, epoch: Math.floor(now.kid / 256) });
  },

  /** Play what was recorded, from `seconds` on; answers how far it came, and whether it shows something. */
  async play(seconds: number): Promise<{ time: number; width: number; duration: number; fault: string }> {
    const video = document.createElement("video");
    video.muted = true;
    document.body.append(video);
    let fault = "";
    const recording = await Recording.open(place.object, place.source, wallet.kemKey);
    const feed = new Feed(video, recording, (error) => (fault = String(error)));
    const ends = performance.now() + PLAY_MS;
    const until = async (holds: () => boolean) => {
      while (!holds() && performance.now() < ends) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until(() => video.readyState >= HTMLMediaElement.HAVE_METADATA);
    video.currentTime = seconds;
    video.play().catch((error: unknown) => (fault ||= String(error)));
    await until(() => video.currentTime >= seconds + 0.3 || video.ended);
    const shown = { time: video.currentTime, width: video.videoWidth, duration: video.duration, fault };
    feed.end();
    video.remove();
    return shown;
  },

  /** Make an actor whose keys stay in this browser; answers the command that registers it. */
  async enrol(origin: string): Promise<{ actor: string; command: unknown }> {
    const made = await createWallet({ kind: "person", ids: new IdSource(systemClock) });
    const store = await WalletStore.open();
    await store.save(made, { origin, label: "test" });
    store.close();
    wallet = made;
    node = new NodeClient({ baseUrl: "", origin, wallet: made });
    return { actor: made.actor, command: await registerCommand(made, { node: origin }) };
  },

  send: (commands: Command[]) => node.send(...commands),

  /** Record until this page is gone. */
  async recordOnAndOn(visit: string, reader: string): Promise<void> {
    await startRecording(visit, reader);
  },

  /** Record so many bytes at the node, by the room's own worker, out of a few real seconds; `hours` says how far it is. */
  beginHours(visit: string, reader: string, bytes: number): void {
    recordHours(visit, reader, bytes).catch((error: unknown) => (hours.fault = String(error)));
  },

  hours: () => hours,

  /** Be somebody whose keys another page of this browser has kept. */
  async beAgain(actor: string, origin: string): Promise<void> {
    const store = await WalletStore.open();
    const kept = await store.load(actor);
    store.close();
    wallet = kept;
    node = new NodeClient({ baseUrl: "", origin, wallet: kept });
  },

  /** Recordings of this person's in the browser's journal, and whether some page works on each. */
  async unfinished(): Promise<{ object: string; seconds: number; claimed: boolean }[]> {
    const journal = await RecordingJournal.open();
    const [list, busy] = [await journal.list(node.wallet.actor, node.origin), await claimed()];
    journal.close();
    return list.map(({ object, durationMs }) => ({
      ...{ object, seconds: durationMs / 1_000, claimed: busy.has(object) },
    }));
  },

  /** Finish one of them, as the app does; the visit as the node's view of it is. */
  async finishAtNode(object: string, visit: VisitNow): Promise<void> {
    const journal = await RecordingJournal.open();
    const keys = [wallet.kemKey];
    await finishRecording(object, { journal, node, keys, visitNow: () => Promise.resolve(visit) });
    journal.close();
  },

  /** Have `play` read from the node. */
  async openAtNode(visit: string, object: string): Promise<number> {
    const reader = await ObjectReader.open(node, object, { purpose: "treatment", visit });
    place = { object, source: reader };
    return reader.size;
  },

  /** Pictures that are really being decoded: width, and how far each has come. */
  pictures: () =>
    [...document.querySelectorAll<HTMLVideoElement>("video[id]")].map((video) => ({
      width: video.videoWidth,
      time: video.currentTime,
    })),
};

/** Begin to record as the room does: the node agrees first. */
async function startRecording(visit: string, reader: string): Promise<Recorder> {
  const me = node.wallet.actor;
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const [picture = null] = stream.getVideoTracks();
  const [voice = null] = stream.getAudioTracks();
  const command = (list: readonly { type: string; body: object }[]) => node.send(...(list as Command[]));
  const link: LiveLink = {
    open: false,
    send: () => false,
    on: () => () => undefined,
    onState: () => () => undefined,
  };
  const ports = { me, origin: node.origin, link, wallet: node.wallet, nameOf: (id: string) => id, command };
  const recipients = [kemText(node.wallet)];
  const stopTracks = ({ phase }: RecorderState) => {
    if (phase === "kept" || phase === "failed") for (const track of stream.getTracks()) track.stop();
  };
  const recorder = new Recorder({ ports, visit, readers: [me, reader], recipients }, stopTracks);
  await recorder.start([{ name: "me", picture, screen: null, voice }]);
  return recorder;
}

async function recordHours(visit: string, reader: string, bytes: number): Promise<void> {
  const loop = new Loop(await recordRound(), ROUND_SECONDS * 1_000 + 500);
  const worker = new Worker(new URL("../../src/room/recording/worker.ts", import.meta.url), {
    type: "module",
  });
  const tell = (message: ToRecorder, moved: Transferable[] = []) => worker.postMessage(message, moved);
  const told = listen(worker);
  const me = node.wallet.actor;
  const recipients = [kemText(node.wallet)];
  const about = { actor: me, origin: node.origin, visit, codecs: "vp8,opus", readers: [me, reader] };
  tell({ do: "begin", ...about, recipients });
  const { object } = await told("begun");
  hours.object = object;
  await node.send({ type: "visit.start-recording/1", body: { visit, object } });
  let round = 0;
  const hand = async (piece: Uint8Array<ArrayBuffer>) => {
    tell({ do: "piece", piece: piece.buffer }, [piece.buffer]);
    const kept = await told("kept");
    hours.keptBytes = kept.bytes;
    return kept.waiting;
  };
  let waiting = await hand(loop.head);
  while (hours.keptBytes + waiting < bytes) {
    if (waiting > AHEAD_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      waiting = await hand(voidElement());
    } else {
      waiting = await hand(loop.round(round));
      round += 1;
    }
  }
  await node.send({ type: "visit.stop-recording/1", body: { visit } });
  tell({ do: "finish" });
  const { durationMs } = await told("finished");
  await node.send({ type: "visit.add-object/1", body: { visit, object, role: "recording" } });
  tell({ do: "forget" });
  hours = { ...hours, seconds: durationMs / 1_000, done: true };
}

/** Ask how much waits, with an element that says nothing (RFC 8794, section 11.3.2). */
function voidElement(): Uint8Array<ArrayBuffer> {
  return new Uint8Array([0xec, 0x80]);
}

/** Wait for the worker's next message of a kind; a failure is thrown. */
function listen(
  worker: Worker,
): <Say extends FromRecorder["say"]>(say: Say) => Promise<FromRecorder & { say: Say }> {
  return (say) =>
    new Promise((resolve, reject) => {
      const hear = ({ data }: MessageEvent<FromRecorder>) => {
        if (data.say === "failed" || data.say === "full") reject(new Error(JSON.stringify(data)));
        if (data.say !== say) return;
        worker.removeEventListener("message", hear);
        resolve(data as FromRecorder & { say: typeof say });
      };
      worker.addEventListener("message", hear);
    });
}

/** A few seconds of camera and microphone, as the recorder writes them. */
async function recordRound(): Promise<Uint8Array<ArrayBuffer>> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const media = new MediaRecorder(stream, recorderOptions());
  const pieces: Blob[] = [];
  media.ondataavailable = ({ data }) => pieces.push(data);
  media.start(1_000);
  await new Promise((resolve) => setTimeout(resolve, ROUND_SECONDS * 1_000));
  const last = new Promise((resolve) => media.addEventListener("stop", resolve, { once: true }));
  media.stop();
  await last;
  for (const track of stream.getTracks()) track.stop();
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

function pathOf(report: RTCStatsReport): Path {
  const all = [...report.values()] as Record<string, string | number>[];
  const of = (type: string) => all.filter((one) => one.type === type);
  const [transport] = of("transport");
  const pair = report.get(String(transport?.selectedCandidatePairId)) as Record<string, string> | undefined;
  const kindOf = (id: string | undefined) =>
    String((report.get(String(id)) as Record<string, string> | undefined)?.candidateType);
  const sum = (kind: string, name: string) =>
    of("inbound-rtp")
      .filter((one) => one.kind === kind)
      .reduce((total, one) => total + Number(one[name] ?? 0), 0);
  return {
    local: kindOf(pair?.localCandidateId),
    remote: kindOf(pair?.remoteCandidateId),
    pictures: sum("video", "framesDecoded"),
    soundSeconds: sum("audio", "totalSamplesDuration"),
  };
}

function render(): void {
  for (const { actor, streams } of session.getSnapshot().others) {
    const known = document.getElementById(actor) as HTMLVideoElement | null;
    if (known?.srcObject === streams.camera) continue;
    const video = known ?? document.createElement("video");
    Object.assign(video, {
      id: actor,
      muted: true,
      autoplay: true,
      playsInline: true,
      srcObject: streams.camera,
    });
    // A browser decodes sound for whom something plays it.
    const audio = Object.assign(new Audio(), { autoplay: true, srcObject: streams.microphone });
    document.body.append(video, audio);
  }
}

declare global {
  interface Window {
    harness: typeof harness;
    showScreens: () => void;
  }
}
window.harness = harness;
