// @vitest-environment happy-dom
/** A record in words: titles and values of resources, readings out of Observations, who may see a piece. */

import { expect, test } from "vitest";
import { describe as tell, narrative } from "./fhir";
import { titleOf, whyOf } from "./naming";
import { contentOf } from "./opening";
import { joined, measuredIn } from "./readings";
import { en } from "./strings/en";
import { unitText } from "./units";
import type { Person, RecordItem } from "./types";
import { together } from "./useRecord";
import { vitalsOf } from "./useVitals";

const person = (id: string, name: string | null = null, kind = "person"): Person => ({
  id,
  kind,
  roles: [],
  name,
});
const item = (object: string, part: Partial<RecordItem> = {}): RecordItem => ({
  object,
  media_type: "application/fhir+json",
  size: 10,
  at: "2026-05-03T10:00:00.000Z",
  position: 1,
  level: 1,
  owner: person("d", "Dr. Osei"),
  visit: null,
  role: null,
  reading: null,
  readers: [person("d", "Dr. Osei")],
  why: "subject",
  token: null,
  token_until: null,
  token_by: null,
  permitted: [],
  ...part,
});

test("units are as people read them", () => {
  const told = ["mm[Hg]", "{score}", "{breaths}/min", "cm", "", "{"].map(unitText);
  expect(told).toEqual(["mmHg", "", "/min", "cm", "", "{"]);
});

test("blood pressure is one value of two numbers", () => {
  const part = (code: string, value: number) => ({
    code: { coding: [{ code, display: code === "8480-6" ? "Systolic" : "Diastolic" }] },
    valueQuantity: { value, unit: "mmHg" },
  });
  const told = tell(
    {
      resourceType: "Observation",
      code: { text: "Blood pressure" },
      component: [part("8480-6", 120), part("8462-4", 80)],
    },
    "en",
  );
  expect([told.title, told.value]).toEqual(["Blood pressure", "120/80 mmHg"]);
  expect(told.rows).toContainEqual({ name: "Systolic", value: "120 mmHg" });
});

test("what devices measure too is called as their readings are, in the reader's language", () => {
  const code = { coding: [{ system: "http://loinc.org", code: "8867-4", display: "Heart rate" }] };
  expect(tell({ resourceType: "Observation", code }, "es").title).toBe("Pulso");
  const other = { coding: [{ system: "http://loinc.org", code: "9843-4", display: "Head circumference" }] };
  expect(tell({ resourceType: "Observation", code: other }, "es").title).toBe("Head circumference");
});

test("a bare code is no title", () => {
  expect(tell({ resourceType: "Consent", category: [{ coding: [{ code: "59284-0" }] }] }, "es").title).toBe(
    "Consentimiento",
  );
});

test("an unknown or broken resource is shown by what it has, and never throws", () => {
  for (const hostile of [
    {},
    { resourceType: 7 },
    { resourceType: "Patient", name: [null, 3] },
    { resourceType: "Observation", component: "x", code: null },
  ])
    expect(tell(hostile as never, "en").title).toBeTruthy();
  expect(tell({ resourceType: "__proto__" }, "en").rows).toEqual([]);
});

test("markup of a narrative becomes text alone", () => {
  const text = narrative({
    div: "<div><p>Take <b>two</b></p><script>steal()</script><img src=x onerror=steal()><p>Rest</p></div>",
  });
  expect(text).toBe("Take two\nRest");
});

test("a reading gives its value and its signal at their times", () => {
  const observation = {
    resourceType: "Observation",
    effectivePeriod: { start: "2026-05-03T10:00:00.000Z", end: "2026-05-03T10:00:10.000Z" },
    valueQuantity: { value: 72, unit: "beats/minute" },
    component: [{ valueSampledData: { origin: { value: 1 }, period: 10, data: "1 2 E 4" } }],
  };
  const { series, wave } = measuredIn(observation, "heart-rate");
  expect(series).toEqual([
    {
      name: "heart-rate",
      unit: "/min",
      samples: [{ at: Date.parse("2026-05-03T10:00:10.000Z"), value: 72 }],
    },
  ]);
  expect(wave.map(({ value }) => value)).toEqual([2, 3, 5]);
  expect(measuredIn({ ...observation, valueQuantity: { value: "72" } }, "heart-rate").series).toEqual([]);
});

test("vitals show the newest of a kind, and say nothing where nothing could be counted", () => {
  const reading = (at: string) => ({
    device: person("m", null, "device"),
    kind: "heart-rate",
    count: 1,
    from: at,
    to: at,
  });
  const items = [
    item("b", { reading: reading("2026-05-03T10:00:20.000Z") }),
    item("a", { reading: reading("2026-05-03T10:00:10.000Z") }),
  ];
  const values = new Map([
    ["a", 70],
    ["b", 74],
  ]);
  const open = (one: RecordItem) => ({
    kind: "heart-rate",
    wave: [],
    series: [
      {
        name: "heart-rate",
        unit: "/min",
        samples: [{ at: Date.parse(one.reading?.to ?? ""), value: values.get(one.object) ?? 0 }],
      },
    ],
  });
  const [vital] = vitalsOf(items, open);
  expect([vital?.value, vital?.at, vital?.history.length]).toEqual([74, "2026-05-03T10:00:20.000Z", 2]);
  expect(vitalsOf(items, () => null)[0]?.value).toBeNull();
  expect(joined("x", []).series).toEqual([]);
});

test("the why line names who else sees it, also by a permission", () => {
  const told = { words: en, language: "en" as const, me: "p" };
  expect(whyOf(item("a"), told)).toBe("You can see this because it is about you. Dr. Osei can see it too.");
  const until = "2026-06-01T12:00:00.000Z";
  const shared = item("a", { permitted: [{ token: "t", person: null, members: 3, until }] });
  expect(whyOf(shared, told)).toContain("By a permission also a care team of 3, until");
});

test("a piece has its own title only once it is open", async () => {
  const sealed = item("a");
  expect(titleOf(sealed, en, "en")).toBe("Record entry");
  const content = await contentOf(
    sealed.media_type,
    new Blob(['{"resourceType":"Condition","code":{"text":"Asthma"}}']),
  );
  expect(titleOf(sealed, en, "en", content)).toBe("Asthma");
  expect((await contentOf(sealed.media_type, new Blob(["no json"]))).kind).toBe("file");
  expect((await contentOf("image/svg+xml", new Blob(["<svg/>"]))).kind).toBe("file");
});

test("pages are put together newest first, each piece once", () => {
  expect(together([item("c"), item("b")], [item("b"), item("a")]).map(({ object }) => object)).toEqual([
    "c",
    "b",
    "a",
  ]);
});
