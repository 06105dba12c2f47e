import { describe, expect, it, test } from "vitest";
import { en } from "../strings/en";
import { es } from "../strings/es";
import { hostIn, issuerText, lastingText, nameText, valueText, verifierText } from "./saying";

const PERSON = { id: "x", kind: "person", roles: [], name: null };

describe("a value is text, whatever stands in it", () => {
  it.each(["<img src=x onerror=alert(1)>", "Zoë O’Brien-Łuczak", "{{name}}"])("%s", (value) => {
    expect(valueText(value, en, "en")).toBe(value);
  });

  test("what draws nothing, or turns its neighbours around, is shown as such", () => {
    expect(valueText("Ann\u202ednim\u202c", en, "en")).toBe("Ann\ufffddnim\ufffd");
    expect(valueText("Ann\u200b\u0000\n", en, "en")).toBe("Ann\ufffd\ufffd\ufffd");
  });

  test("a day is the same day in every zone", () => {
    expect(valueText("1974-12-25", en, "en")).toBe("25 December 1974");
    expect(valueText("1974-12-25", es, "es")).toBe("25 de diciembre de 1974");
    expect(valueText("2026-02-31", en, "en")).toBe("2026-02-31");
  });

  test("yes and no are words", () => {
    expect(valueText(true, en, "en")).toBe("Yes");
    expect(valueText("false", es, "es")).toBe("No");
  });
});

test("a factor that we have no word for keeps its own name, and none of a prototype's is taken for one", () => {
  expect(nameText("birth_date", en)).toBe("Date of birth");
  expect(nameText("blood_group", en)).toBe("Blood group");
  expect(nameText("constructor", en)).toBe("Constructor");
});

test("an issuer is named by the clinic, or by its own identifier", () => {
  expect(issuerText("did:web:board.example:licences", null)).toBe("board.example");
  expect(issuerText("did:web:board.example", { ...PERSON, kind: "organisation", name: "Board" })).toBe(
    "Board",
  );
  expect(hostIn("did:key:z6Mk")).toBe("did:key:z6Mk");
});

test("who asks without a name that the clinic confirms is called a stranger", () => {
  expect(verifierText(PERSON, en)).toBe(en.stranger);
  expect(verifierText({ ...PERSON, roles: ["clinician"] }, en)).toBe(en.somebody);
});

test("how long something is relied on is said in whole hours or minutes", () => {
  expect(lastingText(12 * 3600, en)).toBe("12 hours");
  expect(lastingText(60, es)).toBe("1 minuto");
});
