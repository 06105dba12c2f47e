import { describe, expect, it } from "vitest";
import { WatchKeeper, type Opened, type WatchWorld } from "./keeper";

/** A world whose timers run when told, and whose openings are answered when told. */
function worldOf() {
  const timers = new Map<number, { run: () => void; ms: number }>();
  const asked: { answer: (opened: Opened) => void; refuse: (error: unknown) => void }[] = [];
  const ended: string[] = [];
  let next = 0;
  const world: WatchWorld = {
    open: () => new Promise((answer, refuse) => asked.push({ answer, refuse })),
    wait: (run, ms) => {
      timers.set(++next, { run, ms });
      return next;
    },
    clear: (timer) => void timers.delete(timer),
    nowMs: () => 0,
  };
  const opened = (watch: string): Opened => ({
    watch,
    until: new Date(3_600_000).toISOString(),
    end: () => {
      ended.push(watch);
      return Promise.resolve();
    },
  });
  const fire = (under: number) => {
    for (const [id, { run, ms }] of [...timers]) {
      if (ms < under) {
        timers.delete(id);
        run();
      }
    }
  };
  return { world, asked, ended, opened, fire };
}

const settled = () => new Promise((done) => setTimeout(done, 0));

describe("a watch", () => {
  it("is opened once for all pages and ended a moment after the last let it go", async () => {
    const { world, asked, ended, opened, fire } = worldOf();
    const keeper = new WatchKeeper("log", world);
    const [first, second] = [keeper.hold(), keeper.hold()];
    expect(asked).toHaveLength(1);
    asked[0]?.answer(opened("w1"));
    await settled();
    expect(keeper.state).toMatchObject({ is: "open", watch: "w1" });
    first();
    second();
    expect(ended).toEqual([]);
    fire(10_000);
    expect(ended).toEqual(["w1"]);
    expect(keeper.state.is).toBe("opening");
  });

  it("stays open from one page to the next", async () => {
    const { world, asked, ended, opened, fire } = worldOf();
    const keeper = new WatchKeeper("log", world);
    const first = keeper.hold();
    asked[0]?.answer(opened("w1"));
    await settled();
    first();
    keeper.hold();
    fire(10_000);
    expect(ended).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it("that opens after the session ended is ended at once and shown to nobody", async () => {
    const { world, asked, ended, opened } = worldOf();
    const keeper = new WatchKeeper("log", world);
    keeper.hold();
    keeper.end();
    asked[0]?.answer(opened("late"));
    await settled();
    expect(ended).toEqual(["late"]);
    expect(keeper.state.is).toBe("opening");
  });

  it("is over by itself before its hour is, and drops what it showed", async () => {
    const { world, asked, opened, fire } = worldOf();
    const keeper = new WatchKeeper("log", world);
    let dropped = 0;
    keeper.onEnd(() => (dropped += 1));
    keeper.hold();
    asked[0]?.answer(opened("w1"));
    await settled();
    fire(3_600_000);
    expect(keeper.state).toEqual({ is: "over", why: "expired" });
    expect(dropped).toBe(1);
    keeper.again();
    expect(asked).toHaveLength(2);
  });

  it("is not over because another one is", async () => {
    const { world, asked, opened } = worldOf();
    const keeper = new WatchKeeper("log", world);
    keeper.hold();
    asked[0]?.answer(opened("w1"));
    await settled();
    keeper.over("w0", "access-ended");
    expect(keeper.state.is).toBe("open");
  });

  it("that is refused says so, and can be asked for again", async () => {
    const { world, asked } = worldOf();
    const keeper = new WatchKeeper("administration", world);
    keeper.hold();
    asked[0]?.refuse(new Error("no"));
    await settled();
    expect(keeper.state.is).toBe("refused");
    keeper.again();
    expect(asked).toHaveLength(2);
  });
});
