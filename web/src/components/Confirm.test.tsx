// @vitest-environment happy-dom
/** The second tap: what was called off says and closes nothing afterwards. */

import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Confirm } from "./Confirm";

afterEach(cleanup);

const dialog = (onConfirm: () => Promise<unknown>, onClose: () => void, opened: boolean) => (
  <MantineProvider env="test">
    <Confirm opened={opened} title="Sure?" confirm="Remove" onConfirm={onConfirm} onClose={onClose}>
      All of it
    </Confirm>
  </MantineProvider>
);

/** Press, cancel while it goes on, and ask for the next thing. */
async function askTwice() {
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const work = () => new Promise<void>((resolve, reject) => ends.push({ resolve, reject }));
  const close = vi.fn();
  const { rerender } = render(dialog(work, close, true));
  fireEvent.click(screen.getByRole("button", { name: "Remove" }));
  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  expect(close).toHaveBeenCalledOnce();
  rerender(dialog(work, close, false));
  rerender(dialog(work, close, true));
  const [first] = ends;
  if (first === undefined) throw new Error("nothing was asked");
  return { close, first };
}

test("the late answer to what was called off does not close what is asked now", async () => {
  const { close, first } = await askTwice();
  await act(async () => first.resolve());
  expect(close).toHaveBeenCalledOnce();
});

test("nor does its refusal stand as the refusal of what is asked now", async () => {
  const { first } = await askTwice();
  await act(async () => first.reject(new Error("no line")));
  expect(screen.queryByRole("alert")).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Remove" }));
});
