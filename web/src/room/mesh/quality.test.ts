import { describe, expect, test } from "vitest";
import { BAD_SAMPLES, GOOD_SAMPLES, LineJudge, sampleOf, worstOf, type Sample } from "./quality";

const GOOD: Sample = { lossRatio: 0, roundTripMs: 30, availableBitsPerSecond: 2_000_000 };
const BAD: Sample = { lossRatio: 0.3, roundTripMs: 30, availableBitsPerSecond: 2_000_000 };

describe("the line", () => {
  test("gives up the picture after some bad samples and not before", () => {
    const judge = new LineJudge();
    const said = Array.from({ length: BAD_SAMPLES }, () => judge.add(BAD));
    expect(said).toEqual([...Array<string>(BAD_SAMPLES - 1).fill("poor"), "audio-only"]);
  });

  test("brings the picture back only when the line was good for long", () => {
    const judge = new LineJudge();
    for (let at = 0; at < BAD_SAMPLES; at += 1) judge.add(BAD);
    for (let at = 1; at < GOOD_SAMPLES; at += 1) expect(judge.add(GOOD)).toBe("audio-only");
    expect(judge.add(GOOD)).toBe("good");
  });

  test("is as bad as the worst connection", () => {
    const slow = { ...GOOD, roundTripMs: 500, availableBitsPerSecond: null };
    expect(worstOf([GOOD, slow])).toEqual({ ...GOOD, roundTripMs: 500 });
  });

  test("is read from the browser's own numbers", () => {
    const report: [string, unknown][] = [
      ["a", { type: "remote-inbound-rtp", fractionLost: 0.05 }],
      [
        "b",
        {
          type: "candidate-pair",
          nominated: true,
          state: "succeeded",
          currentRoundTripTime: 0.1,
          availableOutgoingBitrate: 300_000,
        },
      ],
      ["c", { type: "candidate-pair", nominated: false, state: "succeeded", currentRoundTripTime: 9 }],
    ];
    expect(sampleOf(report)).toEqual({ lossRatio: 0.05, roundTripMs: 100, availableBitsPerSecond: 300_000 });
  });
});
