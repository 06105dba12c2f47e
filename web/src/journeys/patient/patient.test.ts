/** The patient's sentences, steps and grants: pure parts of the journey. */

import { expect, test } from "vitest";
import { grantCommands } from "./permissions/tokens";
import { bestBlock } from "./proof/proofs";
import { grouped, sentenceOf, type Telling } from "./seen/sentences";
import type { Block, Person, Seen, Visit } from "./shapes";
import { en } from "./strings/en";
import { es } from "./strings/es";
import { firstStep, mayGoOn } from "./visits/joining";

const ME = "p";
const doctor: Person = { id: "d", kind: "person", roles: ["clinician"], name: "Dr. Osei" };
const row = (part: Partial<Seen> = {}): Seen => ({
  position: 9,
  at: "2026-05-03T10:00:00.000Z",
  who: doctor,
  organisation: "clinic",
  what: "read",
  thing: "object",
  resource: "object/a",
  purpose: "treatment",
  allowed: true,
  emergency: false,
  why: "is listed as a reader of it",
  token: null,
  grantor: null,
  granted_at: null,
  done: null,
  recipient: null,
  sentence: "",
  ...part,
});
const telling: Telling = { words: en, language: "en", me: ME, nameOf: () => null, sortOf: () => "object" };
const say = (part: Partial<Seen>, told = telling) => sentenceOf({ key: "", rows: [row(part)] }, told);

test("an access under my permission is told with the day that I gave it", () => {
  const me: Person = { id: ME, kind: "person", roles: [], name: "Pat" };
  const said = say({ token: "t", grantor: me, granted_at: "2026-05-01T12:00:00.000Z" });
  expect(said).toMatch(
    /^Dr\. Osei read a document of yours for your treatment, under the permission you gave on .*1.*\.$/,
  );
});

test("a refusal says that nothing was shown", () => {
  const said = say({ allowed: false, why: "no rule allows it", purpose: "payment" });
  expect(said).toBe(
    "Dr. Osei tried to read a document of yours for payment and was refused. Nothing was shown.",
  );
});

test("an emergency is told as one, in both languages", () => {
  expect(say({ emergency: true, purpose: "emergency" })).toBe(
    "Dr. Osei read a document of yours, by emergency access.",
  );
  expect(say({ emergency: true, purpose: "emergency" }, { ...telling, words: es, language: "es" })).toBe(
    "Dr. Osei leyó un documento suyo, por acceso de emergencia.",
  );
});

test("a rule without words of ours is shown as it is", () => {
  expect(say({ why: "the organisation's rule `night-shift`" })).toContain(
    "the organisation's rule `night-shift`",
  );
});

test("somebody without a name is told by their role, never by their id", () => {
  expect(say({ who: { ...doctor, name: null } })).toMatch(/^Somebody \(clinician\) read/);
});

test("lines that say the same within an hour are one, and no longer", () => {
  const sortOf = () => "reading";
  const rows = [
    row({ resource: "object/c" }),
    row({ resource: "object/b" }),
    row({ at: "2026-05-03T08:00:00.000Z" }),
  ];
  const groups = grouped(rows, sortOf);
  expect(groups.map((group) => group.rows.length)).toEqual([2, 1]);
  expect(sentenceOf(groups[0] as (typeof groups)[number], telling)).toContain("2 documents of yours");
  const readings = { ...telling, sortOf };
  expect(sentenceOf(groups[0] as (typeof groups)[number], readings)).toContain("2 readings of yours");
});

test("what is done in turn within a minute is one line for each sort, and what is done later is not hidden in it", () => {
  const at = (seconds: number) => ({
    at: new Date(Date.UTC(2026, 4, 3, 10) - 1_000 * seconds).toISOString(),
  });
  const rows = [
    row({ ...at(0), what: "share" }),
    row(at(1)),
    row({ ...at(2), what: "share" }),
    row(at(3)),
    row({ ...at(70), what: "share" }),
  ];
  const groups = grouped(rows, () => "object");
  expect(groups.map((group) => [group.rows[0]?.what, group.rows.length])).toEqual([
    ["share", 2],
    ["read", 2],
    ["share", 1],
  ]);
});

const visit = (state: string, consents: object = {}): Visit =>
  ({
    visit: "v",
    mine: { role: "patient", state, consents: { visit: null, recording: null, sharing: null, ...consents } },
  }) as unknown as Visit;
const given = { text: "sha256:0", language: "en", at: "2026-05-03T10:00:00.000Z" };

test("who was tested before a reload goes on where they were", () => {
  expect(firstStep(visit("expected"))).toBe("test");
  expect(firstStep(visit("checked-in"))).toBe("consents");
  expect(firstStep(visit("checked-in", { visit: given }))).toBe("identity");
});

test("each consent needs an answer, and the visit's needs a yes", () => {
  expect(mayGoOn(visit("checked-in"), ["visit", "recording"], { visit: false, recording: true })).toBe(false);
  expect(mayGoOn(visit("checked-in", { visit: given }), ["visit", "recording"], {})).toBe(false);
  expect(mayGoOn(visit("checked-in", { visit: given }), ["visit", "recording"], { recording: false })).toBe(
    true,
  );
});

test("a grant reads only, can be taken back, and names each piece once in order", () => {
  const wish = {
    recipient: "d",
    objects: ["b", "a", "b"],
    purpose: "treatment" as const,
    span: "day" as const,
  };
  const [define, mint] = grantCommands(wish, {
    token: "t",
    dataset: "s",
    nowMs: Date.parse("2026-05-03T10:00:00.000Z"),
  });
  expect(define?.body).toEqual({
    dataset: "s",
    members: [
      { kind: "object", id: "a" },
      { kind: "object", id: "b" },
    ],
  });
  expect(mint?.body).toMatchObject({
    actions: ["read"],
    revocable: true,
    transferable: false,
    delegation_depth: 0,
    not_after: "2026-05-04T10:00:00.000Z",
  });
});

test("an entry is as strong as the best block that holds or follows it", () => {
  const block = (size: number, level: number) => ({ size, level }) as Block;
  const blocks = [block(30, 1), block(20, 4), block(10, 2)];
  expect(bestBlock(blocks, 5)?.level).toBe(4);
  expect(bestBlock(blocks, 25)?.level).toBe(1);
  expect(bestBlock(blocks, 30)).toBeNull();
});
