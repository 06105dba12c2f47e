// @vitest-environment happy-dom
/** Refusals of the browser's are said in the reader's language. */

import { expect, test } from "vitest";
import { RoomFault } from "../faults";
import { en } from "../strings/en";
import { es } from "../strings/es";
import { refusalText } from "./refusals";

test.each([
  ["NotAllowedError", en.refused.notAllowed, es.refused.notAllowed],
  ["NotFoundError", en.refused.missing, es.refused.missing],
  ["NotReadableError", en.refused.taken, es.refused.taken],
])("%s is said in words", (name, english, spanish) => {
  const error = new DOMException("Permission denied by user", name);
  expect(refusalText(error, en)).toBe(english);
  expect(refusalText(error, es)).toBe(spanish);
});

test("a screen that is not found is not to be plugged in", () => {
  const fault = new RoomFault("screen-missing");
  expect(refusalText(fault, en)).toBe(en.refused.noScreen);
  expect(refusalText(fault, es)).toBe(es.refused.noScreen);
});

test("what the node refuses keeps its own words", () => {
  expect(refusalText(new Error("the visit has ended"), en)).toContain("the visit has ended");
});
