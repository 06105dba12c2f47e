import { describe, expect, test } from "vitest";
import { parseRoute, pathOf } from "./index";

describe("a fragment becomes a place", () => {
  test("with its pieces and its query", () => {
    const { path, query } = parseRoute("#/patient/visits/v1?x=1&y=a%20b");
    expect(path).toEqual(["patient", "visits", "v1"]);
    expect([query.get("x"), query.get("y")]).toEqual(["1", "a b"]);
  });

  test("nothing is the start", () => {
    expect(parseRoute("").path).toEqual([]);
    expect(parseRoute("#/").path).toEqual([]);
  });

  test("pieces that were written by `pathOf` come back as they were", () => {
    for (const piece of ["a/b", "ñ", "50%", "<b>", "a?b", "../x"]) {
      expect(parseRoute(`#${pathOf("x", piece)}`).path).toEqual(["x", piece]);
    }
  });

  test("a broken escape is taken as it stands", () => {
    expect(parseRoute("#/x/%E0%A4%A").path).toEqual(["x", "%E0%A4%A"]);
  });

  test("an endless fragment is cut", () => {
    expect(parseRoute(`#/${"a".repeat(1_000_000)}`).path[0]?.length).toBeLessThan(5000);
  });
});
