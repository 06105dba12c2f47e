import { describe, expect, it } from "vitest";
import { ApiError } from "~/session";
import { inWords } from "./acts";
import { actorState } from "./parts/words";
import { en } from "./strings/en";
import { es } from "./strings/es";

const refusal = (code: string) =>
  new ApiError({ code, status: 403, title: "Forbidden", detail: "the node's words", hint: "ask" });

describe("what an administrator is refused", () => {
  it("is said in the reader's language, under the same code", () => {
    for (const words of [en, es]) {
      const said = inWords(refusal("overseer-refused"), words.refusals);
      expect([said.code, said.message]).toEqual(["overseer-refused", words.refusals["overseer-refused"]]);
    }
  });

  it("is said in the node's words where there are none for it", () => {
    expect(inWords(refusal("storage-failed"), es.refusals).message).toBe("the node's words");
  });

  it("has words for the same codes in both languages", () => {
    expect(Object.keys(es.refusals)).toEqual(Object.keys(en.refusals));
  });
});

it("a person who is suspended is told apart from one whose keys are lost", () => {
  const words = ["active", "paused", "suspended"].map((state) => en.states[actorState(state)]);
  expect(words).toEqual(["Active", "Suspended", "Keys lost"]);
});
