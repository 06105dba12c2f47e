// @vitest-environment happy-dom
/** Further pages of a list: after an act they say what is so now, as the first one does. */

import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useMore } from "./useMore";

const node = vi.hoisted(() => ({ state: "active", asked: [] as string[] }));
vi.mock("../../auditor/watch/useWatch", () => ({ watchNow: () => "w", noteRefusal: () => undefined }));
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  api: {
    json: (_: string, __: string, { query }: { query: { after: string } }) => {
      node.asked.push(query.after);
      const page = Number(query.after);
      return Promise.resolve({ rows: [`${page} ${node.state}`], after: page < 3 ? String(page + 1) : "" });
    },
  },
}));

beforeEach(() => Object.assign(node, { state: "active", asked: [] }));
afterEach(cleanup);

interface Answer {
  rows: string[];
  after: string;
}
const list = () =>
  renderHook(() =>
    useMore<Answer, string>({ path: "/people", query: {}, first: "1", rowsOf: ({ rows }) => rows }),
  );

test("pages are added one after the other", async () => {
  const { result } = list();
  for (const rows of [1, 2, 3]) {
    act(() => result.current.load());
    await waitFor(() => expect(result.current.rows).toHaveLength(rows));
  }
  expect(result.current.after).toBe("");
});

test("what was changed on a further page is shown as it is now, and no page goes", async () => {
  const { result } = list();
  for (const rows of [1, 2]) {
    act(() => result.current.load());
    await waitFor(() => expect(result.current.rows).toHaveLength(rows));
  }
  node.state = "paused";
  act(() => result.current.reload());
  expect(result.current.rows).toEqual(["1 active", "2 active"]);
  await waitFor(() => expect(result.current.rows).toEqual(["1 paused", "2 paused"]));
  expect(result.current.after).toBe("3");
});

test("where no further page is shown, none is asked for", () => {
  const { result } = list();
  act(() => result.current.reload());
  expect(node.asked).toEqual([]);
});
