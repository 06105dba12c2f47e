// @vitest-environment happy-dom
/** The camera of whoever waits for a visit: on for the room, and off as soon as there is nothing to wait for. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { VisitPanel } from "./VisitPanel";

const shown = vi.hoisted(() => ({ phase: "underway", state: "expected", stop: vi.fn() }));
const STREAM = { getTracks: () => [{ stop: shown.stop }], active: true } as unknown as MediaStream;

vi.mock("~/room", async () => ({
  useHeldStream: (await import("../../../room/check/useHeldStream")).useHeldStream,
  DeviceTest: ({ onReady }: { onReady: (outcome: object) => void }) => (
    <button onClick={() => onReady({ stream: STREAM, checks: {} })}>Test</button>
  ),
  Lobby: () => "In the lobby",
}));
vi.mock("./InRoom", () => ({ InRoom: () => "In the room" }));
vi.mock("./After", () => ({ After: () => "After" }));
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  commands: () => Promise.resolve(),
  useView: () => ({
    data: {
      visit: { visit: "v", phase: shown.phase, seats: [], mine: { role: "colleague", state: shown.state } },
    },
    ...{ error: null, state: "ready", at: 1, revoked: false, reload: () => undefined },
  }),
}));

beforeEach(() => {
  Object.assign(shown, { phase: "underway", state: "expected" });
  shown.stop.mockReset();
});
afterEach(cleanup);

const panel = () => (
  <MantineProvider env="test">
    <VisitPanel visit="v" />
  </MantineProvider>
);

function waiting() {
  const page = render(panel());
  fireEvent.click(screen.getByRole("button", { name: "Test" }));
  shown.state = "waiting";
  page.rerender(panel());
  screen.getByText("In the lobby");
  expect(shown.stop).not.toHaveBeenCalled();
  return page;
}

test("whoever goes away from the lobby leaves no camera on", () => {
  waiting().unmount();
  expect(shown.stop).toHaveBeenCalledOnce();
});

test("whoever waits for a visit that ends leaves no camera on", () => {
  const { rerender } = waiting();
  shown.phase = "ended";
  rerender(panel());
  screen.getByText("After");
  expect(shown.stop).toHaveBeenCalledOnce();
});

test("whoever is let in goes in with it", () => {
  const { rerender } = waiting();
  shown.state = "admitted";
  rerender(panel());
  screen.getByText("In the room");
  expect(shown.stop).not.toHaveBeenCalled();
});
