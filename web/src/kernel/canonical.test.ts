import { describe, expect, it, test } from "vitest";
import { concat, fromHex, toHex, utf8 } from "./bytes";
import * as canonical from "./canonical";
import { NotCanonical } from "./faults";
import { codeOf, readVectors } from "./testing/vectors";

interface Good {
  readonly name: string;
  readonly value: unknown;
  readonly hex: string;
}
interface Bad {
  readonly name: string;
  readonly fault: string;
  readonly path: string;
  readonly hex?: string;
  readonly repeat?: readonly { readonly hex: string; readonly times: number }[] | string;
  readonly times?: number;
}

const VECTORS = readVectors<{ good: Good[]; bad: Bad[] }>("canonical");
const LIMIT = 16 * 1024 * 1024;

describe("the vectors", () => {
  it.each(VECTORS.good)("$name is written and read as its one spelling", ({ value, hex }) => {
    expect(toHex(canonical.encode(value))).toBe(hex);
    expect(canonical.decode(fromHex(hex), { limit: LIMIT })).toEqual(value);
  });

  it.each(VECTORS.bad.filter(({ hex }) => hex !== undefined))(
    "$name is refused",
    ({ hex = "", fault, path }) => {
      const error = faultOf(() => canonical.decode(fromHex(hex), { limit: LIMIT }));
      expect([error.fault, error.path]).toEqual([fault, path]);
    },
  );
});

test.each([
  [[1.5], "float", "$[0]"],
  [{ a: Number.NaN }, "not-a-number", "$.a"],
  [-0, "negative-zero", "$"],
  [2 ** 53, "integer-too-large", "$"],
  ["\ud800", "lone-surrogate", "$"],
  [{ a: undefined }, "type", "$.a"],
  [{ when: new Date(0) }, "type", "$.when"],
  [new Map(), "type", "$"],
  [10n, "type", "$"],
  [{ é: 1 }, "name-not-ascii", "$"],
])("value %# outside the profile is refused", (value, fault, path) => {
  const error = faultOf(() => canonical.encode(value));
  expect([error.fault, error.path]).toEqual([fault, path]);
});

test("document above its limit is refused before it is read", async () => {
  expect(await codeOf(() => canonical.decode(utf8("[1,2]"), { limit: 4 }))).toBe("limit-exceeded");
  const brackets = utf8("[".repeat(70_000));
  expect(await codeOf(() => canonical.decode(brackets, { limit: LIMIT }))).toBe("limit-exceeded");
});

test("name `__proto__` is a name like any other", () => {
  const data = utf8('{"__proto__":1,"a":{"constructor":2}}');
  const value = canonical.decodeObject(data, { limit: LIMIT });
  expect(Object.keys(value)).toEqual(["__proto__", "a"]);
  expect(toHex(canonical.encode(value))).toBe(toHex(data));
  expect(({} as Record<string, unknown>).a).toBeUndefined();
});

test("depth that would overflow a reader's stack is refused", () => {
  const deep = concat(utf8("[".repeat(60_000)), utf8("]".repeat(60_000)));
  expect(faultOf(() => canonical.decode(deep, { limit: LIMIT })).fault).toBe("too-deep");
});

function faultOf(work: () => unknown): NotCanonical {
  try {
    work();
  } catch (error) {
    if (error instanceof NotCanonical) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
