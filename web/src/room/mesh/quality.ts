/**
 * How good the line is, and when the picture gives way to the voice. Pure: samples in, a judgement out.
 *
 * The picture is given up after some bad samples in a row and comes back after more good ones, so that it does not flicker.
 */
import type { Quality } from "../keys/roster";

export const SAMPLE_MS = 2_000;
/** Three in a row: six seconds of broken speech are what people bear. */
export const BAD_SAMPLES = 3;
/** Twenty seconds of a good line before the picture is tried again. */
export const GOOD_SAMPLES = 10;

const LOSS_BAD = 0.12;
const LOSS_POOR = 0.04;
const ROUND_TRIP_BAD_MS = 900;
const ROUND_TRIP_POOR_MS = 350;
/** Opus at its usual 32 kbit/s and a small picture. */
const BITRATE_BAD = 120_000;
const BITRATE_POOR = 300_000;

/** One look at all connections of this tab: the worst of each. */
export interface Sample {
  readonly lossRatio: number;
  readonly roundTripMs: number;
  /** What the browser believes it may send, or nothing where it does not say. */
  readonly availableBitsPerSecond: number | null;
}

export class LineJudge {
  #bad = 0;
  #good = 0;
  #audioOnly = false;

  /** Judge one more sample. */
  add(sample: Sample): Quality {
    const grade = gradeOf(sample);
    this.#bad = grade === "bad" ? this.#bad + 1 : 0;
    this.#good = grade === "good" ? this.#good + 1 : 0;
    if (this.#bad >= BAD_SAMPLES) this.#audioOnly = true;
    if (this.#good >= GOOD_SAMPLES) this.#audioOnly = false;
    if (this.#audioOnly) return "audio-only";
    return grade === "good" ? "good" : "poor";
  }
}

/** Read the numbers of one connection. */
export function sampleOf(report: Iterable<[string, unknown]>): Sample {
  let [lossRatio, roundTripMs, available] = [0, 0, null as number | null];
  for (const [, value] of report) {
    const stats = value as Record<string, unknown>;
    if (stats.type === "remote-inbound-rtp")
      lossRatio = Math.max(lossRatio, numberOf(stats.fractionLost) ?? 0);
    if (stats.type !== "candidate-pair" || stats.nominated !== true || stats.state !== "succeeded") continue;
    roundTripMs = Math.max(roundTripMs, 1_000 * (numberOf(stats.currentRoundTripTime) ?? 0));
    available = numberOf(stats.availableOutgoingBitrate) ?? available;
  }
  return { lossRatio, roundTripMs, availableBitsPerSecond: available };
}

/** The worst of several. */
export function worstOf(samples: readonly Sample[]): Sample {
  const rates = samples.flatMap(({ availableBitsPerSecond: rate }) => (rate === null ? [] : [rate]));
  return {
    lossRatio: Math.max(0, ...samples.map(({ lossRatio }) => lossRatio)),
    roundTripMs: Math.max(0, ...samples.map(({ roundTripMs }) => roundTripMs)),
    availableBitsPerSecond: rates.length === 0 ? null : Math.min(...rates),
  };
}

function gradeOf({ lossRatio, roundTripMs, availableBitsPerSecond: rate }: Sample): "good" | "poor" | "bad" {
  if (lossRatio > LOSS_BAD || roundTripMs > ROUND_TRIP_BAD_MS || (rate !== null && rate < BITRATE_BAD))
    return "bad";
  if (lossRatio > LOSS_POOR || roundTripMs > ROUND_TRIP_POOR_MS || (rate !== null && rate < BITRATE_POOR))
    return "poor";
  return "good";
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
