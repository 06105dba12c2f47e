import { describe, expect, it } from "vitest";
import { SPAN_MS, STEP_MS, gather, total } from "./activity/buckets";
import { calledName, countLevels, medianTimes } from "./blocks/levels";
import type { Block } from "./shapes";

describe("hours in buckets", () => {
  const untilMs = Date.parse("2026-05-03T12:20:00.000Z");
  const hour = (at: string, entries: number) => ({ at, entries, decisions: 1, denied: 0, emergencies: 0 });
  const hours = [hour("2026-05-02T13:00:00.000Z", 2), hour("2026-05-03T12:00:00.000Z", 5)];

  it("stand by the hour, those without anything as 0, the hour of now last", () => {
    const buckets = gather(hours, { untilMs, spanMs: SPAN_MS.day, stepMs: STEP_MS.day });
    expect(buckets).toHaveLength(24);
    expect(buckets[0]?.entries).toBe(2);
    expect(buckets.at(-1)).toMatchObject({ x: Date.parse("2026-05-03T12:00:00.000Z"), entries: 5 });
    expect(buckets[5]?.entries).toBe(0);
  });

  it("are counted once, whatever the step", () => {
    for (const span of ["day", "week", "month"] as const) {
      const buckets = gather(hours, { untilMs, spanMs: SPAN_MS[span], stepMs: STEP_MS[span] });
      expect(total(buckets)).toMatchObject({ entries: 7, decisions: 2 });
    }
  });

  it("from before are left out", () => {
    const old = [hour("2026-05-01T00:00:00.000Z", 9)];
    expect(total(gather(old, { untilMs, spanMs: SPAN_MS.day, stepMs: STEP_MS.day })).entries).toBe(0);
  });
});

describe("levels of blocks", () => {
  const block = (level: Block["level"], ms_to_level: Record<string, number> = {}): Block => ({
    first: 0,
    size: 1,
    entries: 1,
    signed_at: "",
    level,
    missing: "",
    cosigned_by: [],
    anchored_in: [],
    ms_to_level,
  });

  it("are counted, highest first", () => {
    expect(countLevels([block(4), block(5), block(4)])).toEqual([
      { level: 5, count: 1 },
      { level: 4, count: 2 },
    ]);
  });

  it("take their median time, of the blocks that got there", () => {
    const blocks = [block(2, { L2: 300 }), block(2, { L2: 100 }), block(3, { L2: 200, L3: 900 }), block(1)];
    expect(medianTimes(blocks)).toEqual([
      { level: 2, ms: 200 },
      { level: 3, ms: 900 },
    ]);
  });

  it("are confirmed by keys that are called by their last part", () => {
    expect(calledName("north.example/north+c7554d67")).toBe("north");
    expect(calledName("north.example+c7554d67")).toBe("north.example");
  });
});
