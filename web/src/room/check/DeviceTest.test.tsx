// @vitest-environment happy-dom
/** The device test leaves no camera on for whoever went away, also where the browser answers late. */

import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DeviceTest } from "./DeviceTest";

let answer: (stream: MediaStream) => void;
const stop = vi.fn();
const STREAM = {
  ...{ getTracks: () => [{ stop }], getVideoTracks: () => [], getAudioTracks: () => [] },
} as unknown as MediaStream;

beforeEach(() => {
  stop.mockReset();
  const mediaDevices = {
    getUserMedia: () => new Promise<MediaStream>((resolve) => (answer = resolve)),
    enumerateDevices: () => Promise.resolve([]),
  };
  Object.defineProperty(navigator, "mediaDevices", { value: mediaDevices, configurable: true });
});
afterEach(cleanup);

const show = () =>
  render(
    <MantineProvider env="test">
      <DeviceTest onReady={() => undefined} />
    </MantineProvider>,
  );

test("a camera that is allowed after one went away is let go at once", async () => {
  const { unmount } = show();
  fireEvent.click(screen.getByRole("button", { name: "Test camera and microphone" }));
  unmount();
  await act(async () => answer(STREAM));
  expect(stop).toHaveBeenCalledOnce();
});

test("a camera that is tested is let go when one goes away", async () => {
  const { unmount } = show();
  fireEvent.click(screen.getByRole("button", { name: "Test camera and microphone" }));
  await act(async () => answer(STREAM));
  expect(stop).not.toHaveBeenCalled();
  unmount();
  expect(stop).toHaveBeenCalledOnce();
});
