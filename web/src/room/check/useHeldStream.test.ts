// @vitest-environment happy-dom
/** A camera that was opened for the test stays on until one goes away, and no longer. */

import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { useHeldStream } from "./useHeldStream";

afterEach(cleanup);

function stream() {
  const stop = vi.fn();
  return { stop, made: { getTracks: () => [{ stop }] } as unknown as MediaStream };
}

test("it is let go when the page goes away", () => {
  const { result, unmount } = renderHook(useHeldStream);
  const { made, stop } = stream();
  act(() => result.current.keep(made));
  expect(result.current.stream).toBe(made);
  expect(stop).not.toHaveBeenCalled();
  unmount();
  expect(stop).toHaveBeenCalledOnce();
});

test("it is let go when another takes its place, and not when it is the same", () => {
  const { result } = renderHook(useHeldStream);
  const [one, other] = [stream(), stream()];
  act(() => result.current.keep(one.made));
  act(() => result.current.keep(one.made));
  expect(one.stop).not.toHaveBeenCalled();
  act(() => result.current.keep(other.made));
  expect(one.stop).toHaveBeenCalledOnce();
});

test("one that comes after the page went away is let go at once", () => {
  const { result, unmount } = renderHook(useHeldStream);
  unmount();
  const { made, stop } = stream();
  result.current.keep(made);
  expect(stop).toHaveBeenCalledOnce();
});
