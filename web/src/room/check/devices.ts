/** Opening camera and microphone for the test, and what came of each. */

export type DeviceResult = "ok" | "refused" | "missing" | "failed" | "untested";
export type NetworkResult = "good" | "fair" | "poor" | "untested";

/** As `visit.check-in/1` takes it. */
export interface Checks {
  readonly camera: DeviceResult;
  readonly microphone: DeviceResult;
  readonly speaker: DeviceResult;
  readonly network: NetworkResult;
}

export const UNTESTED: Checks = {
  camera: "untested",
  microphone: "untested",
  speaker: "untested",
  network: "untested",
};

export interface Opened {
  readonly stream: MediaStream;
  readonly camera: DeviceResult;
  readonly microphone: DeviceResult;
}

export interface Choice {
  readonly camera?: string | undefined;
  readonly microphone?: string | undefined;
}

/** Ask for both at once, so that there is one question; where that fails, for each, so that one is known from the other. */
export async function openDevices(choice: Choice = {}): Promise<Opened> {
  const video = choice.camera === undefined ? true : { deviceId: { exact: choice.camera } };
  const audio = choice.microphone === undefined ? true : { deviceId: { exact: choice.microphone } };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio });
    return { stream, camera: "ok", microphone: "ok" };
  } catch {
    const [seen, heard] = [await openOne({ video }), await openOne({ audio })];
    const stream = new MediaStream([...seen.tracks, ...heard.tracks]);
    return { stream, camera: seen.result, microphone: heard.result };
  }
}

export interface Known {
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
}

export async function listDevices(): Promise<Known> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return {
    cameras: devices.filter(({ kind }) => kind === "videoinput"),
    microphones: devices.filter(({ kind }) => kind === "audioinput"),
  };
}

/** What the browser's refusal means. */
export function resultOf(error: unknown): DeviceResult {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return "failed";
}

export type HelpFor = "chrome" | "firefox" | "safari" | "ios" | "android";

/** Which words help: each browser has the switch in another place. */
export function helpFor(agent: string): HelpFor {
  if (/iPhone|iPad/.test(agent)) return "ios";
  if (/Android/.test(agent)) return "android";
  if (/Firefox/.test(agent)) return "firefox";
  return /Safari/.test(agent) && !/Chrome|Chromium|Edg/.test(agent) ? "safari" : "chrome";
}

async function openOne(
  wanted: MediaStreamConstraints,
): Promise<{ tracks: MediaStreamTrack[]; result: DeviceResult }> {
  try {
    return { tracks: (await navigator.mediaDevices.getUserMedia(wanted)).getTracks(), result: "ok" };
  } catch (error) {
    return { tracks: [], result: resultOf(error) };
  }
}
