// @vitest-environment happy-dom
/** A text is copied by a tap; where the browser refuses that, it says so and has the text ready to be copied by hand. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { CopyText } from "./words";

afterEach(cleanup);

function show(clipboard: unknown) {
  Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
  render(
    <MantineProvider env="test">
      <CopyText value="0190-secret" label="Id" />
    </MantineProvider>,
  );
  fireEvent.click(screen.getByRole("button", { name: "Copy Id: 0190-secret" }));
}

test("a tap copies the whole text and says so", async () => {
  const writeText = vi.fn(() => Promise.resolve());
  show({ writeText });
  expect((await screen.findByRole("status")).textContent).toBe("Copied");
  expect(writeText).toHaveBeenCalledWith("0190-secret");
  expect(screen.queryByRole("textbox")).toBeNull();
});

test.each([
  ["that is refused", { writeText: () => Promise.reject(new DOMException("no", "NotAllowedError")) }],
  ["that is not there, as on a page without a secure context", undefined],
])("a clipboard %s is said, and the text is selected to be copied by hand", async (_, clipboard) => {
  show(clipboard);
  const field = await screen.findByRole<HTMLInputElement>("textbox", { name: "Id" });
  screen.getByText(/does not let the page copy/);
  expect(document.activeElement).toBe(field);
  expect(field.value.slice(field.selectionStart ?? 0, field.selectionEnd ?? 0)).toBe("0190-secret");
  expect(screen.queryByText("Copied")).toBeNull();
});
