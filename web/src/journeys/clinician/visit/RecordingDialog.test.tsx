// @vitest-environment happy-dom
/** Nobody agrees to words that are not there yet, and words that are on their way are not said to be missing. */

import { MantineProvider } from "@mantine/core";
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError } from "~/session";
import { en } from "../strings/en";
import { RecordingDialog } from "./RecordingDialog";

const server = vi.hoisted(() => ({ json: vi.fn<() => Promise<unknown>>() }));
vi.mock("~/session/api", async (original) => ({
  ...(await original<typeof import("~/session/api")>()),
  api: server,
}));

afterEach(cleanup);

const button = () => screen.getByRole<HTMLButtonElement>("button", { name: en.recording.agree });

async function show() {
  let answer = (_: unknown) => {};
  let refuse = (_: Error) => {};
  server.json.mockReturnValue(
    new Promise((resolve, reject) => {
      [answer, refuse] = [resolve, reject];
    }),
  );
  render(
    <MantineProvider env="test">
      <RecordingDialog visit={{ visit: "v" }} opened onClose={() => undefined} />
    </MantineProvider>,
  );
  await screen.findByRole("dialog");
  return {
    answer: (value: unknown) => act(async () => answer(value)),
    refuse: (e: Error) => act(async () => refuse(e)),
  };
}

test("while the text is loading nothing is said of it, and nothing can be agreed to", async () => {
  const { answer } = await show();
  expect(screen.getByRole("status").getAttribute("aria-busy")).toBe("true");
  expect(screen.queryByText(en.recording.noText)).toBeNull();
  expect(button().disabled).toBe(true);
  await answer({
    texts: [{ kind: "recording", language: "en", digest: "d", text: "I agree to be recorded." }],
  });
  screen.getByText("I agree to be recorded.");
  expect(button().disabled).toBe(false);
});

test("a clinic without such a text is said to have none", async () => {
  const { answer } = await show();
  await answer({ texts: [{ kind: "visit", language: "en", digest: "d", text: "Something else." }] });
  screen.getByText(en.recording.noText);
  expect(button().disabled).toBe(true);
});

test("a text that could not be loaded can be asked for again", async () => {
  const { refuse } = await show();
  await refuse(new ApiError({ code: "x", status: 500, title: "It failed", detail: "", hint: "" }));
  screen.getByRole("button", { name: "Try again" });
  expect(button().disabled).toBe(true);
});
