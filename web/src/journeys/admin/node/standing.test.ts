import { describe, expect, it } from "vitest";
import type { Anchor, Peer } from "../shapes";
import { newestOf, standingOf } from "./standing";

const NOW = Date.parse("2026-05-03T12:00:00.000Z");
const peer: Peer = {
  name: "north",
  organisation: "north.example",
  role: "witness",
  acknowledged: 10,
  behind: 3,
  answered_at: "2026-05-03T11:59:50.000Z",
  fault: "",
  says: "",
};

describe("a witness", () => {
  it("that answered just now is on its way, not late", () => {
    expect(standingOf(peer, NOW)).toBe("done");
    expect(standingOf({ ...peer, answered_at: "2026-05-03T11:50:00.000Z" }, NOW)).toBe("waiting");
    expect(standingOf({ ...peer, answered_at: null }, NOW)).toBe("waiting");
    expect(standingOf({ ...peer, fault: "unreachable" }, NOW)).toBe("failed");
  });
});

describe("anchors", () => {
  const anchor = (network: string, size: number, done: boolean): Anchor => ({
    network,
    size,
    phase: "",
    says: "",
    begun_at: `${size}`,
    done_at: done ? "2026-05-03T11:00:00.000Z" : null,
    cost: null,
  });

  it("are shown by network: the newest done, and one on its way that is newer", () => {
    const shown = newestOf([
      anchor("bitcoin", 5, true),
      anchor("bitcoin", 9, false),
      anchor("bitcoin", 7, true),
      anchor("ethereum", 8, true),
      anchor("ethereum", 6, false),
    ]);
    expect(shown.map(({ network, size }) => [network, size])).toEqual([
      ["bitcoin", 9],
      ["bitcoin", 7],
      ["ethereum", 8],
    ]);
  });
});
