// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { RecordItem } from "~/record";
import type { Visit } from "../shapes";
import { lacksConsent } from "../shapes";
import { findPatients, patientsIn, withOthers } from "./known";
import { byEncounter } from "./encounters";

const piece = (object: string, visit: string | null, isReading = false) =>
  ({ object, visit, at: object, reading: isReading ? {} : null }) as unknown as RecordItem;

describe("a record by encounter", () => {
  it("keeps each visit together, newest first, with its readings apart", () => {
    const groups = byEncounter([
      piece("5", "b"),
      piece("4", "a", true),
      piece("3", "b", true),
      piece("2", null),
      piece("1", "a"),
    ]);
    const shown = groups.map(({ visit, items, readings }) => [
      visit,
      items.map(({ object }) => object).join(),
      readings.map(({ object }) => object).join(),
    ]);
    expect(shown).toEqual([
      ["b", "5", "3"],
      ["a", "1", "4"],
      [null, "2", ""],
    ]);
  });
});

const seat = (actor: string, role: string, given: Partial<Record<string, object>> = {}) => ({
  actor,
  role,
  name: null,
  state: "waiting",
  consents: { visit: null, recording: null, sharing: null, ...given },
});
const visit = (at: string, ...seats: object[]) => ({ visit: at, starts_at: at, seats }) as unknown as Visit;

describe("the patients of one's visits", () => {
  it("are there once each, by their last visit", () => {
    const known = patientsIn([
      visit("2026-01-01", seat("ana", "patient")),
      visit("2026-03-01", seat("ben", "patient"), seat("osei", "clinician")),
      visit("2026-05-01", seat("ana", "patient")),
    ]);
    expect(known.map(({ actor, lastAt, visits }) => [actor, lastAt, visits])).toEqual([
      ["ana", "2026-05-01", 2],
      ["ben", "2026-03-01", 1],
    ]);
  });
});

describe("patients known from elsewhere", () => {
  const ana = { actor: "ana", name: null, lastAt: "2026-05-01", visits: 2 };

  it("come after those of visits, once each, and tell a name that a visit does not", () => {
    const all = withOthers(
      [ana],
      [
        { actor: "zoe", name: "Zoë Quinn" },
        { actor: "ana", name: "Ana Núñez" },
        { actor: "ben", name: null },
        { actor: "ben", name: "Ben Okafor" },
      ],
    );
    expect(all.map(({ actor, name, visits }) => [actor, name, visits])).toEqual([
      ["ana", "Ana Núñez", 2],
      ["ben", "Ben Okafor", 0],
      ["zoe", "Zoë Quinn", 0],
    ]);
  });

  it.each([
    ["", "Ana Núñez, Zoë Quinn, null"],
    ["nunez", "Ana Núñez"],
    ["ÁN", "Ana Núñez"],
    ["qui zoe", "Zoë Quinn"],
    ["uinn", ""],
    ["null", ""],
    ["...", "Ana Núñez, Zoë Quinn, null"],
  ])("are found by the beginnings of their names: %j", (sought, found) => {
    const all = ["Ana Núñez", "Zoë Quinn", null].map((name) => ({ actor: name ?? "x", name }));
    expect(
      findPatients(all, sought)
        .map(({ name }) => String(name))
        .join(", "),
    ).toBe(found);
  });
});

describe("who may be let in", () => {
  const patient = seat("ana", "patient");
  const interpreter = seat("lu", "interpreter");
  it.each([
    ["the patient, without their own consent", patient, "visit"],
    ["an interpreter, without the patient's", interpreter, "sharing"],
    ["a colleague", seat("brandt", "colleague"), null],
  ])("%s", (_, who, lacks) => {
    const now = visit("x", patient, interpreter);
    expect(lacksConsent(now, who as never)).toBe(lacks);
  });

  it("an interpreter whom the patient agreed to", () => {
    const now = visit("x", seat("ana", "patient", { sharing: {} }), interpreter);
    expect(lacksConsent(now, interpreter as never)).toBeNull();
  });
});
