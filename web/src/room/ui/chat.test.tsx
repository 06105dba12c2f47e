// @vitest-environment happy-dom
/** What the room says of its chat being kept, and who can have it kept. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { ChatLine } from "../mesh/chat";
import { ChatPanel } from "./ChatPanel";

afterEach(cleanup);
// A growing text area listens to it, and this environment has none.
Object.defineProperty(document, "fonts", { value: new EventTarget() });

const LINE: ChatLine = {
  id: "a",
  from: "ana",
  at: 1_790_000_000_000,
  text: "Better.",
  file: null,
  heardBy: [],
};

function show(mayKeep: boolean, lines: readonly ChatLine[] = [LINE]) {
  const keep = vi.fn((_file: Blob, _options: unknown) => Promise.resolve("object"));
  const onSay = vi.fn(() => Promise.resolve());
  const files = { keep, fetch: () => Promise.reject(new Error("not asked")) };
  render(
    <MantineProvider env="test">
      <ChatPanel
        {...{ lines, mayKeep, files, onSay }}
        me="osei"
        others={[]}
        nameOf={(actor) => actor}
        readers={["ana", "osei"]}
        onClose={() => undefined}
      />
    </MantineProvider>,
  );
  return { keep, onSay };
}

test("the chat says that it is not kept after the visit", () => {
  show(false);
  screen.getByText(/not kept after the visit/);
  expect(screen.queryByRole("button", { name: "Keep the chat" })).toBeNull();
});

test("an empty chat is not offered to be kept", () => {
  show(true, []);
  expect(screen.queryByRole("button", { name: "Keep the chat" })).toBeNull();
});

test("whoever leads the visit has it kept by a second tap, for its people, who are told", async () => {
  const { keep, onSay } = show(true);
  fireEvent.click(screen.getByRole("button", { name: "Keep the chat" }));
  await screen.findByRole("dialog");
  expect(keep).not.toHaveBeenCalled();
  const buttons = screen.getAllByRole("button", { name: "Keep the chat" });
  fireEvent.click(buttons.at(-1) as Element);
  await waitFor(() => expect(onSay).toHaveBeenCalledOnce());
  const [file, options] = keep.mock.calls[0] ?? [];
  expect(await file?.text()).toContain("ana: Better.");
  expect(options).toMatchObject({ mediaType: "text/plain", readers: ["ana", "osei"] });
  const sent = expect.objectContaining({ object: "object", name: "chat.txt" }) as unknown;
  expect(onSay).toHaveBeenCalledWith("The chat until here was kept as a record of the visit.", sent);
});

test("a file that cannot be had is said so", async () => {
  const file = { object: "o", name: "rash.png", size: 1, mediaType: "image/png" };
  show(false, [{ ...LINE, text: "", file }]);
  fireEvent.click(screen.getByRole("button", { name: "Save rash.png" }));
  expect((await screen.findByRole("alert")).textContent).toContain("could not be opened");
});
