/** One's own devices: a light that is off means off, also when the browser answers late or twice. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LocalMedia, type Tracks } from "./local";

class FakeTrack extends EventTarget {
  readyState = "live";
  contentHint = "";
  constructor(readonly kind: string) {
    super();
  }
  stop(): void {
    this.readyState = "ended";
  }
}

let asked: ((stream: MediaStream) => void)[] = [];
let opened: FakeTrack[] = [];
let told: Tracks | null = null;

/** The browser's answer to the oldest question. */
async function answer(kind: string): Promise<FakeTrack> {
  const track = new FakeTrack(kind);
  opened.push(track);
  const stream = { getTracks: () => [track], getVideoTracks: () => [track] };
  asked.shift()?.(stream as unknown as MediaStream);
  await Promise.resolve();
  return track;
}

beforeEach(() => {
  [asked, opened, told] = [[], [], null];
  const ask = () => new Promise<MediaStream>((resolve) => asked.push(resolve));
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: ask, getDisplayMedia: ask } });
});
afterEach(() => vi.unstubAllGlobals());

const media = () => new LocalMedia((tracks) => (told = tracks));

test("a camera that the browser gives after one has left is let go at once", async () => {
  const local = media();
  const turning = local.turn("camera", true);
  local.end();
  const track = await answer("video");
  await turning;
  expect(track.readyState).toBe("ended");
  expect(local.tracks.camera).toBeNull();
});

test("a screen that one chose after one has left is let go at once", async () => {
  const local = media();
  const sharing = local.share(true);
  local.end();
  const track = await answer("video");
  await sharing;
  expect(track.readyState).toBe("ended");
  expect(local.tracks.screen).toBeNull();
});

test("a screen that the system keeps from the browser is said to be missing, no device", async () => {
  const refuse = () => Promise.reject(new DOMException("The object can not be found here.", "NotFoundError"));
  vi.stubGlobal("navigator", { mediaDevices: { getDisplayMedia: refuse } });
  await expect(media().share(true)).rejects.toMatchObject({ code: "screen-missing" });
});

test("a control that is pressed twice opens one device", async () => {
  const local = media();
  const turning = [local.turn("microphone", true), local.turn("microphone", true)];
  await answer("audio");
  if (asked.length > 0) await answer("audio");
  await Promise.all(turning);
  expect(opened.filter(({ readyState }) => readyState === "live")).toHaveLength(1);
  await local.turn("microphone", false);
  expect(opened.every(({ readyState }) => readyState === "ended")).toBe(true);
});

test("a device that is unplugged is not shown as on", async () => {
  const local = media();
  const turning = local.turn("camera", true);
  const track = await answer("video");
  await turning;
  track.dispatchEvent(new Event("ended"));
  expect(told?.camera).toBeNull();
});

test("the end of a device that was replaced changes nothing", async () => {
  const local = media();
  const first = local.share(true);
  const old = await answer("video");
  await first;
  const second = local.share(true);
  const now = await answer("video");
  await second;
  old.dispatchEvent(new Event("ended"));
  expect(local.tracks.screen).toBe(now as unknown as MediaStreamTrack);
  expect(now.readyState).toBe("live");
});
