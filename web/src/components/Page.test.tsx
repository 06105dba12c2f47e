// @vitest-environment happy-dom
/** The window's title stays in the browser's history: it says what is shown, and never of whom. */

import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Page } from "./Page";

afterEach(cleanup);

const show = (page: React.ReactNode) => render(<MantineProvider env="test">{page}</MantineProvider>);

test("the window is called as the page", () => {
  show(<Page title="Patients" />);
  expect(document.title).toBe("Patients · Telesphor");
});

test("a page that is called by somebody's name has another title for the window", () => {
  show(<Page title="Ana Reyes" windowTitle="Record" />);
  screen.getByRole("heading", { name: "Ana Reyes" });
  expect(document.title).toBe("Record · Telesphor");
});
