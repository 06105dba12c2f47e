// @vitest-environment happy-dom
/** The warning before one is signed out counts for the eye each second, and for the ear now and then. */

import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { IdleDialog } from "./IdleWarning";

afterEach(cleanup);

const dialog = (secondsLeft: number) => (
  <MantineProvider env="test">
    <IdleDialog secondsLeft={secondsLeft} onStay={() => undefined} />
  </MantineProvider>
);

test("each second is shown, and not each is read out", () => {
  const { rerender } = render(dialog(60));
  const said = new Set<string | null>();
  for (let seconds = 60; seconds > 0; seconds -= 1) {
    rerender(dialog(seconds));
    screen.getAllByText(new RegExp(`in ${seconds} s`));
    said.add(screen.getByRole("alert").textContent);
  }
  expect(said.size).toBe(3);
});
