import { beforeEach, describe, expect, test } from "vitest";
import { IdleWatch } from "./idle";

let nowMs = 0;
let awake = false;
let warned: (number | null)[] = [];
let told = 0;
let ended = 0;

const watched = (idleSeconds = 900) =>
  new IdleWatch({
    idleSeconds,
    world: {
      nowMs: () => nowMs,
      awake: () => awake,
      present: () => (told += 1),
      warn: (seconds) => warned.push(seconds),
      end: () => (ended += 1),
    },
  });

const pass = (watch: IdleWatch, seconds: number) => {
  for (let n = 0; n < seconds; n += 1) {
    nowMs += 1000;
    watch.tick();
  }
};

beforeEach(() => {
  [nowMs, awake, warned, told, ended] = [1_000_000, false, [], 0, 0];
});

describe("an idle screen", () => {
  test("is warned of a minute before, then ended once", () => {
    const watch = watched();
    pass(watch, 839);
    expect(warned).toEqual([]);
    pass(watch, 1);
    expect(warned).toEqual([60]);
    pass(watch, 100);
    expect(ended).toBe(1);
    expect(warned.at(-1)).toBeNull();
  });

  test("somebody who moves takes the warning away", () => {
    const watch = watched();
    pass(watch, 850);
    watch.note();
    expect(warned.at(-1)).toBeNull();
    pass(watch, 800);
    expect(ended).toBe(0);
  });

  test("a laptop that slept for an hour does not go on by the touch that wakes it", () => {
    const watch = watched();
    nowMs += 3_600_000;
    watch.note();
    watch.tick();
    expect(ended).toBe(1);
  });

  test("a live room holds it awake, and it counts from the room's end", () => {
    const watch = watched();
    awake = true;
    pass(watch, 2000);
    expect(ended).toBe(0);
    awake = false;
    pass(watch, 899);
    expect(ended).toBe(0);
    pass(watch, 1);
    expect(ended).toBe(1);
  });

  test("the node hears of presence at most every 30 seconds", () => {
    const watch = watched();
    for (let n = 0; n < 120; n += 1) {
      nowMs += 1000;
      watch.note();
    }
    expect(told).toBe(4);
  });
});
