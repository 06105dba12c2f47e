/** Camera and microphone for somebody who goes in now: both, or what there is, or nothing. */

const WISH: MediaStreamConstraints = {
  audio: { echoCancellation: true, noiseSuppression: true },
  video: { width: { ideal: 1280 }, height: { ideal: 720 } },
};

/** Nobody waits for a picture: who has no camera goes in with the voice, or silent, and can turn them on inside. */
export async function openDevices(): Promise<MediaStream | null> {
  for (const wish of [WISH, { audio: WISH.audio ?? true }, { video: WISH.video ?? true }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(wish);
    } catch {
      // What is refused or missing is tried without.
    }
  }
  return null;
}
