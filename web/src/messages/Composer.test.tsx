// @vitest-environment happy-dom
/** What was written is not lost: while a file is sealed, while it is sent, and beside an edit. */

import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Composer, type Writing } from "./Composer";
import { en } from "./strings/en";
import type { Attached, MessageView, ThreadView } from "./types";
import type { HeldThread } from "./useThread";

const letters = vi.hoisted(() => ({
  attachFile: vi.fn<(...args: unknown[]) => Promise<Attached>>(),
  sendLetter: vi.fn<(...args: unknown[]) => Promise<void>>(),
  recipientsOf: vi.fn(() => Promise.resolve({ domains: [], recipients: [] })),
}));
vi.mock("./letters", () => letters);
vi.mock("./people", async (original) => ({
  ...(await original<typeof import("./people")>()),
  useOtherPatients: () => [],
}));
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  useMe: () => ({ actor: "ana" }),
}));

// A growing text area listens to it, and this environment has none.
Object.defineProperty(document, "fonts", { value: new EventTarget() });

const VIEW = {
  message: "m",
  sender: "ana",
  versions: 1,
  envelope: "e",
  recipients: [],
} as unknown as MessageView;
const held = {
  ...{ messages: [], opened: new Map(), view: { reload: () => undefined } },
} as unknown as HeldThread;
let thread: ThreadView;
let count = 0;

beforeEach(() => {
  thread = { thread: `t${(count += 1)}`, members: [] } as unknown as ThreadView;
  letters.sendLetter.mockReset().mockResolvedValue();
  letters.attachFile.mockReset();
});
afterEach(cleanup);

let write = (_: Writing) => {};
function Place() {
  const [writing, setWriting] = useState<Writing>({ kind: "new" });
  write = setWriting;
  return <Composer thread={thread} held={held} role="patient" writing={writing} onWriting={setWriting} />;
}
const show = () =>
  render(
    <MantineProvider env="test">
      <Place />
    </MantineProvider>,
  );
const area = () => screen.getByLabelText<HTMLTextAreaElement>(en.write, { selector: "textarea" });
const type = (value: string) => fireEvent.change(area(), { target: { value } });
const file = (name: string) => new File(["x"], name, { type: "image/png" });
const attached = (name: string): Attached => ({ object: name, name, media_type: "image/png", size: 1 });
const choose = (...files: File[]) =>
  fireEvent.change(document.querySelector("input[type=file]") as Element, { target: { files } });

test("what one goes on writing while a file is sealed stays", async () => {
  let sealed = (_: Attached) => {};
  letters.attachFile.mockReturnValue(new Promise((resolve) => (sealed = resolve)));
  show();
  type("My rash");
  choose(file("rash.png"));
  await waitFor(() => expect(letters.attachFile).toHaveBeenCalled());
  type("My rash is worse since Monday");
  await act(async () => sealed(attached("rash.png")));
  await screen.findByText("rash.png");
  expect(area().value).toBe("My rash is worse since Monday");
});

test("a file that failed takes none with it that were sealed before", async () => {
  letters.attachFile.mockResolvedValueOnce(attached("one.png")).mockRejectedValueOnce(new Error("no line"));
  show();
  choose(file("one.png"), file("two.png"));
  expect((await screen.findByRole("alert")).textContent).toBe(en.fileFailed);
  screen.getByText("one.png");
});

test("nothing can be written into a message that is on its way, to be lost with it", async () => {
  let sent = () => {};
  letters.sendLetter.mockReturnValue(new Promise((resolve) => (sent = resolve)));
  show();
  type("Hello");
  fireEvent.submit(area().form as Element);
  await waitFor(() => expect(letters.sendLetter).toHaveBeenCalled());
  expect(area().readOnly).toBe(true);
  await act(async () => sent());
  await waitFor(() => expect(area().value).toBe(""));
  expect(area().readOnly).toBe(false);
});

test("a draft is still there after another message was edited, and after looking elsewhere", async () => {
  const { unmount } = show();
  type("A draft");
  act(() => write({ kind: "edit", of: VIEW, content: { text: "Old", attachments: [], reply_to: null } }));
  await waitFor(() => expect(area().value).toBe("Old"));
  type("New");
  fireEvent.submit(area().form as Element);
  await waitFor(() => expect(area().value).toBe("A draft"));
  unmount();
  show();
  expect(area().value).toBe("A draft");
});

test("before a PDF is sent it is said that only the monitor reads it, and only then", async () => {
  letters.attachFile.mockImplementation((_, one) =>
    Promise.resolve({ ...attached((one as File).name), media_type: (one as File).type }),
  );
  show();
  choose(
    new File(["%PDF-1.7 ..."], "letter.pdf", { type: "application/pdf" }),
    new File(["x"], "rash.png", { type: "image/png" }),
    new File(["a,b"], "table.csv", { type: "text/csv" }),
  );
  await screen.findByText(en.fates.later("letter.pdf", 1));
  screen.getByText(en.fates.never("rash.png", 1));
  expect(screen.queryByText(/table\.csv:/)).toBeNull();
  expect(letters.sendLetter).not.toHaveBeenCalled();
});
