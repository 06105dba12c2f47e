// @vitest-environment happy-dom
/** A seal whose level is not known yet claims none, and says nothing to wait. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Seal } from "./Seal";

afterEach(cleanup);

test("before its level is known a seal offers the proof, and calls nothing waiting", async () => {
  const facts = { what: "Dr. Osei read it", when: "2026-05-03T14:00:00Z", level: undefined };
  render(
    <MantineProvider env="test">
      <Seal level={undefined} facts={facts} />
    </MantineProvider>,
  );
  fireEvent.click(screen.getByRole("button", { name: "Proof" }));
  await screen.findByText("Dr. Osei read it");
  expect(screen.queryByText("Sealing")).toBeNull();
  expect(screen.queryByLabelText("Waiting:")).toBeNull();
});
