// @vitest-environment happy-dom

import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { Unfinished } from "../recording/journal";
import UnfinishedRecordings from "./Unfinished";
import type { UnfinishedPorts } from "./unfinished";

afterEach(cleanup);

const LOST = { object: "one", visit: "v", startedMs: 1_790_000_000_000, durationMs: 241_000 } as Unfinished;

function show(changes: Partial<UnfinishedPorts> = {}) {
  const ports: UnfinishedPorts = {
    list: () => Promise.resolve([LOST]),
    finish: vi.fn(() => Promise.resolve()),
    discard: vi.fn(() => Promise.resolve()),
    ...changes,
  };
  render(
    <MantineProvider env="test">
      <UnfinishedRecordings ports={ports} />
    </MantineProvider>,
  );
  return ports;
}

const press = async (name: string) => fireEvent.click(await screen.findByRole("button", { name }));

test("a lost recording is offered once, and finished when one says so", async () => {
  const ports = show();
  await screen.findByText("A recording of 4 min was not finished");
  dispatchEvent(new Event("focus"));
  await press("Finish upload");
  await screen.findByText("The recording is saved with its visit.");
  expect(ports.finish).toHaveBeenCalledWith("one", expect.any(Function));
  expect(screen.getAllByText("A recording of 4 min was not finished")).toHaveLength(1);
});

test("it is discarded by a second tap only", async () => {
  const ports = show();
  await press("Discard");
  expect(ports.discard).not.toHaveBeenCalled();
  const dialog = await screen.findByRole("dialog");
  fireEvent.click(within(dialog).getByRole("button", { name: "Discard" }));
  await waitFor(() => expect(ports.discard).toHaveBeenCalledWith(LOST));
  await waitFor(() => expect(screen.queryByText("A recording of 4 min was not finished")).toBeNull());
});

test("a fault that passes can be tried again, one that does not cannot", async () => {
  const finish = vi
    .fn()
    .mockRejectedValueOnce({ code: "node-unreachable" })
    .mockRejectedValueOnce({ code: "visit-closed" });
  show({ finish });
  await press("Finish upload");
  await screen.findByText(/Nothing was lost: try again later/);
  await press("Finish upload");
  await screen.findByText(/You can only discard it/);
  expect(screen.queryByRole("button", { name: "Finish upload" })).toBeNull();
});

test("nothing is shown where nothing was lost, or nothing is kept", async () => {
  const list = vi.fn(() => Promise.reject(new Error("no storage")));
  show({ list });
  await waitFor(() => expect(list).toHaveBeenCalled());
  expect(screen.queryByRole("region")).toBeNull();
});

test("an upload is not read out percent by percent", async () => {
  let tell = (_: number) => {};
  show({
    finish: (_, progress) => {
      tell = progress;
      return new Promise(() => {});
    },
  });
  await press("Finish upload");
  const said = new Set<string>();
  for (let percent = 0; percent <= 100; percent += 1) {
    act(() => tell(percent / 100));
    said.add(screen.getByRole("status").textContent);
  }
  expect(said.size).toBe(11);
});
