// @vitest-environment happy-dom
/** Removing people: who is offered it, that it takes a second tap, and what everybody reads of it. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { changeText } from "./ChangeLine";
import { PeopleDialog } from "./PeopleDialog";
import { en } from "./strings/en";
import { es } from "./strings/es";
import type { Change, ThreadView } from "./types";
import { gathered } from "./useThread";

const said = vi.hoisted(() => ({ command: vi.fn((..._: unknown[]) => Promise.resolve()) }));
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  useMe: () => ({ actor: "ana" }),
  useView: () => ({
    data: null,
    state: "loading",
    error: null,
    at: null,
    revoked: false,
    reload: () => undefined,
  }),
  command: said.command,
}));

afterEach(() => {
  cleanup();
  said.command.mockClear();
});

const MEMBERS = [
  { actor: "ana", name: "Ana", role: "patient" },
  { actor: "osei", name: "Dr. Osei", role: "clinician" },
];

function show(removes: boolean) {
  const thread = {
    thread: "t",
    state: "open",
    members: MEMBERS,
    monitor: null,
    removes,
  } as unknown as ThreadView;
  render(
    <MantineProvider env="test">
      <PeopleDialog thread={thread} role="patient" opened onClose={() => undefined} />
    </MantineProvider>,
  );
}

describe("removing somebody", () => {
  test("is offered to whoever may, and never of oneself", () => {
    show(true);
    screen.getByRole("button", { name: "Remove Dr. Osei" });
    expect(screen.queryByRole("button", { name: "Remove Ana" })).toBeNull();
  });

  test("is offered to nobody else", () => {
    show(false);
    expect(screen.queryByRole("button", { name: /Remove/ })).toBeNull();
  });

  test("takes a second tap, which says what it does", async () => {
    show(true);
    fireEvent.click(screen.getByRole("button", { name: "Remove Dr. Osei" }));
    await screen.findByText(/Dr. Osei sees nothing that is written here from now on/);
    expect(said.command).not.toHaveBeenCalled();
    fireEvent.click(screen.getByRole("button", { name: "Remove" }));
    await waitFor(() =>
      expect(said.command).toHaveBeenCalledWith("thread.remove/1", { thread: "t", actor: "osei" }),
    );
  });
});

describe("the line in the conversation", () => {
  const change = (parts: Partial<Change>): Change => ({
    position: 1,
    at: "2026-11-23T01:00:00.000Z",
    what: "removed",
    actor: "joy",
    name: "Nurse Joy",
    by: "osei",
    by_name: "Dr. Osei",
    ...parts,
  });
  const told = (parts: Partial<Change>, words = en) =>
    changeText(change(parts), { words: words as typeof en, me: "ana", members: MEMBERS });

  test.each([
    ["Nurse Joy was removed by Dr. Osei", {}],
    ["You removed Nurse Joy", { by: "ana", by_name: "Ana" }],
    ["Nurse Joy was added by the clinic", { what: "added", by: "hospital", by_name: null }],
    ["Nurse Joy was added by somebody without a name", { what: "added", by_name: null }],
    ["You were added by Dr. Osei", { what: "added", actor: "ana", name: "Ana" }],
    [
      "Somebody without a name was added by the clinic",
      { what: "added", name: null, by: "x", by_name: null },
    ],
    ["Nurse Joy left", { what: "left", by: "joy" }],
  ] as const)("%s", (text, parts) => {
    expect(told(parts)).toBe(text);
  });

  test("is in Spanish too", () => {
    expect(told({}, es as typeof en)).toBe("Dr. Osei quitó a Nurse Joy");
  });
});

describe("what was seen of a conversation", () => {
  const at = (...positions: number[]) => new Map(positions.map((position) => [position, { position }]));

  test("stays when the newest page moves past it", () => {
    const newest = [{ position: 30 }, { position: 20 }];
    expect(gathered(at(5, 10, 20), { before: 20 }, newest).map(({ position }) => position)).toEqual([
      5, 10, 20, 30,
    ]);
  });

  test("goes when the newest page does not say it any more, as of a message that was held back", () => {
    expect(gathered(at(20, 25), { before: 20 }, [{ position: 20 }])).toEqual([{ position: 20 }]);
    expect(gathered(at(1), { before: null }, [])).toEqual([]);
  });
});
