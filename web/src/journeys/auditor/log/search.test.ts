import { describe, expect, it } from "vitest";
import type { LogPageAnswer } from "../shapes";
import { rowOf } from "../testing";
import { LogSearch } from "./search";

const settled = () => new Promise((done) => setTimeout(done, 0));
const page = (positions: number[], before: number | null): LogPageAnswer => ({
  look: { position: 0, at: "" },
  organisation: "",
  size: 100,
  indexed: 100,
  rows: positions.map((position) => rowOf(position)),
  before,
});

describe("a search", () => {
  it("adds its further pages below", async () => {
    const search = new LogSearch();
    const asked: (string | null | undefined)[] = [];
    search.begin("a", {}, (query) => {
      asked.push(query["before"]);
      return Promise.resolve(query["before"] === null ? page([9, 8], 8) : page([7], null));
    });
    await settled();
    search.loadMore();
    await settled();
    expect(search.state.rows.map((row) => row.position)).toEqual([9, 8, 7]);
    expect(asked).toEqual([null, "8"]);
    expect(search.state.before).toBeNull();
  });

  it("is not asked again for what is shown already", async () => {
    const search = new LogSearch();
    let asked = 0;
    const ask = () => Promise.resolve(page([(asked += 1)], null));
    search.begin("a", {}, ask);
    await settled();
    search.begin("a", {}, ask);
    await settled();
    expect(asked).toBe(1);
  });

  it("goes on over empty pages, and stops to ask after some", async () => {
    const search = new LogSearch();
    let asked = 0;
    search.begin("a", {}, () => Promise.resolve(page([], 100 - (asked += 1))));
    await settled();
    expect(asked).toBe(4);
    expect(search.state).toMatchObject({ phase: "ready", before: 96 });
  });

  it("that was left is not shown when its answer comes", async () => {
    const search = new LogSearch();
    let answer: (found: LogPageAnswer) => void = () => {};
    search.begin("old", {}, () => new Promise((done) => (answer = done)));
    search.begin("new", {}, () => Promise.resolve(page([2], null)));
    answer(page([1], null));
    await settled();
    expect(search.state.rows.map((row) => row.position)).toEqual([2]);
  });

  it("that fails says why and can be tried again", async () => {
    const search = new LogSearch();
    search.begin("a", {}, () => Promise.reject(new Error("broken")));
    await settled();
    expect(search.state).toMatchObject({ phase: "error", error: { detail: "broken" } });
    search.begin("a", {}, () => Promise.resolve(page([1], null)));
    await settled();
    expect(search.state.phase).toBe("ready");
  });
});
