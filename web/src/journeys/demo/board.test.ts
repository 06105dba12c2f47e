import { expect, test } from "vitest";
import { boardOf } from "./board";

const LINK = `/join/01a2054e-e4de-7349-9614-a87b95ff4659/${"a".repeat(43)}`;
const player = { part: "patient", name: "P", actor: "01a2054e-e4de-7349-9614-a87b95ff4659", taken: false };

function board(...links: string[]) {
  const people = links.map((link) => ({ ...player, link }));
  return {
    clinic: "C",
    rounds: [{ number: 1, people, visit: null, ready: [], fault: "" }],
    preparing: false,
  };
}

test("links of this site are shown", () => {
  expect(boardOf(board(LINK)).rounds[0]?.people).toHaveLength(1);
});

test("what is no link of this site is not", () => {
  const others = ["//elsewhere.example", "javascript:alert(1)", `${LINK}/more`, "/join/1/2"];
  expect(boardOf(board(...others)).rounds[0]?.people).toEqual([]);
});
