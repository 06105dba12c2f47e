// @vitest-environment happy-dom
/** A link that was made is shown whatever else fails, and what failed is said and can be tried again. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "~/session";
import { nameInvited, type Invitation } from "../visits";
import { LinkCard } from "./LinkCard";

const put = vi.hoisted(() => vi.fn<(path: string, options: object) => Promise<unknown>>());
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  api: { put },
}));

const refusal = (detail: string) =>
  new ApiError({ code: "storage-failed", status: 503, title: "Unavailable", detail, hint: "" });
const INVITATION: Invitation = {
  link: "https://clinic.example/#/join/a/b",
  passcode: null,
  visit: "v",
  unnamed: null,
};

beforeEach(() => put.mockReset());
afterEach(cleanup);

const show = (invitation: Partial<Invitation>) =>
  render(
    <MantineProvider env="test">
      <LinkCard invitation={{ ...INVITATION, ...invitation }} onDone={() => undefined} />
    </MantineProvider>,
  );

test("a name that the directory refuses throws no link away, and is handed back with the reason", async () => {
  put.mockRejectedValueOnce(refusal("the directory cannot be written"));
  const unnamed = await nameInvited({ actor: "a1", name: "  Rosa Ibáñez " });
  expect(unnamed).toMatchObject({ actor: "a1", name: "Rosa Ibáñez", error: { code: "storage-failed" } });
  expect(await nameInvited({ actor: "a1", name: "Rosa" })).toBeNull();
  expect(await nameInvited({ actor: "a1", name: " " })).toBeNull();
  expect(put).toHaveBeenCalledTimes(2);
});

test("a name that was not kept is said, and kept by another tap", async () => {
  const error = refusal("the directory cannot be written");
  put.mockRejectedValueOnce(error).mockResolvedValueOnce(undefined);
  show({ unnamed: { actor: "a1", name: "Rosa Ibáñez", error } });
  screen.getByText(INVITATION.link);
  expect(screen.getByRole("alert").textContent).toContain("Rosa Ibáñez was not kept: the directory cannot");
  const again = () => screen.getByRole<HTMLButtonElement>("button", { name: "Keep the name" });
  for (const times of [1, 2]) {
    await vi.waitFor(() => expect(again().disabled).toBe(false)); // It rests while it works.
    fireEvent.click(again());
    await vi.waitFor(() => expect(put).toHaveBeenCalledTimes(times));
  }
  await screen.findByText("The name Rosa Ibáñez is kept.");
  expect(put).toHaveBeenLastCalledWith("/v1/app/people/a1", { body: { name: "Rosa Ibáñez" } });
});

test("a link that cannot be copied is shown selected, to be copied by hand", async () => {
  Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
  show({});
  fireEvent.click(screen.getByRole("button", { name: "Copy the link" }));
  const field = await screen.findByRole<HTMLInputElement>("textbox", { name: "The link" });
  expect([field.value, field.selectionEnd]).toEqual([INVITATION.link, INVITATION.link.length]);
});
