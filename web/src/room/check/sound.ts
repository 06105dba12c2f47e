/** The loudness of a microphone, and a tone for the speaker. */

const TONE_HERTZ = 440;
const TONE_SECONDS = 1;
const TONE_LOUDNESS = 0.2;

/** Tell the loudness, 0 to 1, some times a second until what is returned is called. */
export function watchLevel(stream: MediaStream, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getByteTimeDomainData(samples);
    tell(loudnessOf(samples));
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/** From samples around 128: speech at arm's length fills about half. */
export function loudnessOf(samples: Uint8Array): number {
  const power = samples.reduce((sum, sample) => sum + ((sample - 128) / 128) ** 2, 0) / samples.length;
  return Math.min(1, Math.sqrt(power) * 4);
}

export async function playTone(): Promise<void> {
  const context = new AudioContext();
  const [tone, gain] = [context.createOscillator(), context.createGain()];
  tone.frequency.value = TONE_HERTZ;
  gain.gain.value = TONE_LOUDNESS;
  tone.connect(gain).connect(context.destination);
  const ended = new Promise((resolve) => tone.addEventListener("ended", resolve, { once: true }));
  tone.start();
  tone.stop(context.currentTime + TONE_SECONDS);
  await ended;
  await context.close();
}
