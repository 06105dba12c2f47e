import { describe, expect, it } from "vitest";
import { ME, PATIENT, rowOf } from "../testing";
import { NO_FILTER, isPast, matches, placeOf, queryOf, readFilter, timesOf } from "./filter";

const NOW = Date.parse("2026-05-03T12:00:00.000Z");

describe("a filter in an address", () => {
  it("comes back as it was written", () => {
    const filter = {
      ...NO_FILTER,
      type: "access.decided/1",
      subject: PATIENT,
      purpose: "treatment",
    } as const;
    const place = placeOf(filter);
    expect(readFilter(new URLSearchParams(place.split("?")[1]))).toEqual(filter);
  });

  it("leaves out what is as by default", () => {
    expect(placeOf(NO_FILTER)).toBe("/auditor");
  });

  it.each([
    ["type", "<script>"],
    ["person", "Peter Chalmers"],
    ["subject", "0198c0de"],
    ["purpose", "treatment OR 1=1"],
    ["outcome", "maybe"],
    ["last", "forever"],
    ["since", "yesterday"],
  ])("that is no sound %s is left out", (name, value) => {
    expect(readFilter(new URLSearchParams([[name, value]]))).toEqual(NO_FILTER);
  });
});

describe("a span", () => {
  it("begins so long before now and has no end", () => {
    expect(timesOf({ ...NO_FILTER, last: "1h" }, NOW)).toEqual({
      since: "2026-05-03T11:00:00.000Z",
      until: null,
    });
    expect(queryOf({ ...NO_FILTER, last: "all" }, NOW)["since"]).toBeNull();
  });

  it("of one's own goes before a usual one, and may be past", () => {
    const filter = { ...NO_FILTER, until: "2026-05-03T11:00:00.000Z" };
    expect(timesOf(filter, NOW)).toEqual({ since: null, until: filter.until });
    expect(isPast(filter, NOW)).toBe(true);
    expect(isPast(NO_FILTER, NOW)).toBe(false);
  });
});

describe("a row that comes in", () => {
  const row = rowOf(7, { stream: "visit/0198c0de-0000-7000-8000-00000000000a" });
  it.each([
    [{}, true],
    [{ type: "access.decided/1", action: "read", outcome: "allow" }, true],
    [{ type: "token.minted/1" }, false],
    [{ action: "erase" }, false],
    [{ person: ME, subject: PATIENT }, true],
    [{ person: PATIENT }, false],
    [{ subject: ME }, false],
    [{ visit: "0198c0de-0000-7000-8000-00000000000a" }, true],
    [{ visit: "0198c0de-0000-7000-8000-00000000000b" }, false],
    [{ purpose: "payment" }, false],
    [{ outcome: "deny" }, false],
    [{ since: "2026-05-03T10:00:00.000Z" }, true],
    [{ until: "2026-05-03T10:00:00.000Z" }, false],
  ] as const)("under %j is shown: %s", (part, expected) => {
    expect(matches({ ...NO_FILTER, ...part }, row)).toBe(expected);
  });
});
