import { describe, expect, it } from "vitest";
import type { Anchor, Peer } from "../shapes";
import { anchorState, attentionOf, newestOf, standingOf } from "./standing";

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

describe("an anchor", () => {
  it("that was given up is not done, though nothing more will come of it", () => {
    expect(["waiting", "confirmed", "final", "failed"].map(anchorState)).toEqual([
      "waiting",
      "waiting",
      "done",
      "failed",
    ]);
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

describe("what somebody has to look at", () => {
  const calm = {
    ...{ alarms: 0, dead: 0, peers: [peer], anchors: [] },
    devices: { enrolled: 3, connected_lately: 2, quarantined: 0, revoked: 1 },
  };

  it("is nothing where all is well; devices that were revoked on purpose are", () => {
    expect(attentionOf(calm)).toEqual([]);
  });

  it("is every emergency that nobody judged, all that was given up, and whoever fails", () => {
    const anchor = { network: "bitcoin-mainnet", says: "", cost: null };
    const found = attentionOf({
      ...{ alarms: 2, dead: 1, peers: [peer, { ...peer, fault: "unreachable" }] },
      anchors: [
        { ...anchor, size: 9, phase: "failed", begun_at: "b", done_at: "c" },
        { ...anchor, size: 5, phase: "waiting", begun_at: "a", done_at: null },
      ],
      devices: { ...calm.devices, quarantined: 1 },
    });
    expect(found.map(({ matter, count }) => [matter, count])).toEqual([
      ["alarms", 2],
      ["dead", 1],
      ["peers", 1],
      ["anchors", 1],
      ["quarantined", 1],
    ]);
  });

  it("is no longer a chain whose later anchor succeeded", () => {
    const anchor = { network: "bitcoin-mainnet", says: "", cost: null, begun_at: "a" };
    const anchors = [
      { ...anchor, size: 5, phase: "failed", done_at: "b" },
      { ...anchor, size: 9, phase: "final", done_at: "c" },
    ];
    expect(attentionOf({ ...calm, anchors })).toEqual([]);
  });
});
