/** A connection takes what another engine describes, and knows the description of a connection that is not its own. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Peer } from "./peer";

vi.mock("./silence", () => {
  const track = { clone: () => ({ stop: () => undefined }) };
  return { silentTracks: () => ({ audio: track, video: track }) };
});

/** As much of a connection as is asked here; what it is given is kept. */
class FakeConnection {
  static made: FakeConnection;
  connectionState = "connected";
  signalingState = "stable";
  remoteDescription: { sdp: string } | null = null;
  localDescription = { type: "answer", sdp: "v=0\r\n" };
  restarts = 0;
  readonly #transceivers: { sender: object; receiver: object; setCodecPreferences: () => void }[] = [];
  constructor() {
    FakeConnection.made = this;
  }
  addTrack(): object {
    const sender = { track: null, replaceTrack: () => Promise.resolve() };
    this.#transceivers.push({ sender, receiver: {}, setCodecPreferences: () => undefined });
    return sender;
  }
  getTransceivers = () => this.#transceivers;
  setRemoteDescription(description: { sdp: string }): Promise<void> {
    this.remoteDescription = description;
    return Promise.resolve();
  }
  setLocalDescription = () => Promise.resolve();
  restartIce = () => (this.restarts += 1);
  close = () => undefined;
}

const described = (certificate: string, more = "") => ({
  description: {
    type: "offer",
    sdp: `v=0\r\na=fingerprint:sha-256 ${certificate}\r\nm=video 9 UDP/TLS/RTP/SAVPF 120\r\n${more}`,
  },
});

beforeEach(() => {
  vi.stubGlobal("RTCPeerConnection", FakeConnection);
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => null });
  vi.stubGlobal("MediaStream", class {});
});
afterEach(() => vi.unstubAllGlobals());

function makePeer(): Peer {
  const frames = { seal: () => undefined, open: () => undefined };
  const [send, onPath] = [() => undefined, () => undefined];
  return new Peer({ polite: true, actor: "other", frames, ice: [], relayOnly: false, send, onPath });
}

test("a description of Firefox's is taken without feedback for codecs that it does not have", async () => {
  const peer = makePeer();
  await peer.take(described("AA", "a=rtcp-fb:120 nack\r\na=rtcp-fb:121 nack\r\n"));
  expect(FakeConnection.made.remoteDescription?.sdp).toContain("a=rtcp-fb:120 nack");
  expect(FakeConnection.made.remoteDescription?.sdp).not.toContain(":121");
  peer.close();
});

test("a description with another certificate is one of another connection", async () => {
  const peer = makePeer();
  expect(peer.isOfAnother(described("AA"))).toBe(false);
  await peer.take(described("AA"));
  expect(peer.isOfAnother(described("aa"))).toBe(false);
  expect(peer.isOfAnother(described("BB"))).toBe(true);
  expect(peer.isOfAnother({ ask: "key" })).toBe(false);
  peer.close();
});

test("what was missed has a path looked for that seems to live", () => {
  const peer = makePeer();
  peer.refresh({ missed: false });
  expect(FakeConnection.made.restarts).toBe(0);
  peer.refresh({ missed: true });
  expect(FakeConnection.made.restarts).toBe(1);
  peer.close();
});
