import { describe, expect, it } from "vitest";
import { en } from "./strings/en";
import { es } from "./strings/es";
import { rowOf } from "./testing";
import { speechOf } from "./words";

const english = speechOf(en, "en", "me");
const spanish = speechOf(es, "es", "me");

describe("an entry in words", () => {
  it("says what was done, and what was refused", () => {
    expect(english.did(rowOf(1))).toBe("read a sealed record");
    expect(english.did(rowOf(1, { outcome: "deny" }))).toBe("was not let read a sealed record");
    expect(spanish.did(rowOf(1))).toBe("leyó un registro sellado");
  });

  it("of another type says what its type means, and an unknown one what the node says", () => {
    const plain = { action: null, resource: null, outcome: null };
    expect(spanish.did(rowOf(1, { ...plain, type: "token.minted/1" }))).toBe("dio acceso");
    expect(spanish.did(rowOf(1, { ...plain, type: "new.thing/1", words: "new: thing" }))).toBe("new: thing");
  });

  it("calls a patient by the end of the id, and staff by name", () => {
    const { actor, subject } = rowOf(1);
    expect(english.who(actor)).toBe("Dr. Osei");
    expect(english.who(subject ?? actor)).toMatch(/^Person\s…\u2060000002$/);
  });

  it("says why in the reader's language", () => {
    expect(english.why(rowOf(1))).toBe("is listed as a reader of it");
    expect(spanish.why(rowOf(1))).toBe("figura como lector");
    expect(spanish.why(rowOf(1, { outcome: "deny", reasons: [] }))).toBe("ninguna regla lo permite");
    expect(spanish.why(rowOf(1, { outcome: "deny", reasons: ["no-erasing"] }))).toBe(
      "prohibido: la regla «no-erasing» de la organización",
    );
  });
});
