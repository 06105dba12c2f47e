// @vitest-environment happy-dom
/** The row of controls: a refusal is said until one tries again. */

import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { RoomSession } from "../mesh/session";
import { EMPTY_ROOM } from "../mesh/state";
import { Controls } from "./Controls";

afterEach(cleanup);

test("what was refused before is not said any more when one tries again", async () => {
  Object.defineProperty(navigator, "mediaDevices", { value: {}, configurable: true });
  const turn = vi.fn(() => Promise.reject(new DOMException("Permission denied", "NotAllowedError")));
  const [onTry, onRefused] = [vi.fn(), vi.fn()];
  render(
    <Controls
      session={{ turn } as unknown as RoomSession}
      state={EMPTY_ROOM}
      chatOpen={false}
      unread={0}
      onChat={() => undefined}
      onLeave={() => undefined}
      {...{ onTry, onRefused }}
    />,
  );
  fireEvent.click(screen.getByRole("button", { name: /Camera is off/ }));
  expect(onTry).toHaveBeenCalledOnce();
  await waitFor(() => expect(onRefused).toHaveBeenCalledOnce());
  fireEvent.click(screen.getByRole("button", { name: /Camera is off/ }));
  expect(onTry).toHaveBeenCalledTimes(2);
});
