// @vitest-environment happy-dom

/** Notices of emergency access: whom they speak to, what they offer, and that markup in a name stays text. */

import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { setLanguage } from "~/strings/language";
import { NoticeCard, type Notice } from "./Notices";

const NOTICE: Notice = {
  break_glass: "01900000-0000-7000-8000-000000000001",
  about: "you",
  who: "01900000-0000-7000-8000-000000000002",
  name: "Dr. Karim Haddad",
  target: "record",
  reason: "unconscious-patient",
  state: "open",
  opened_at: "2026-11-23T10:00:00.000Z",
  ended_at: "2026-11-23T10:15:00.000Z",
  times: 1,
  reads: 0,
  verdict: null,
};

const show = (notice: Partial<Notice>) =>
  render(
    <MantineProvider env="test">
      <NoticeCard notice={{ ...NOTICE, ...notice }} onDone={() => undefined} />
    </MantineProvider>,
  );
const names = () => screen.getAllByRole("button").map((one) => one.textContent);

beforeEach(() => setLanguage("en"));
afterEach(cleanup);

test("the patient is told who, why and whether it is over, and can say that it has seen it", () => {
  show({});
  screen.getByText("Dr. Karim Haddad opened your record in an emergency.");
  expect(screen.getByRole("alert").textContent).toContain("Reason given: The patient is unconscious.");
  expect(screen.getByRole("alert").textContent).toContain("It is open now. Nothing was read.");
  expect(names()).toEqual(["I have seen this"]);
  expect(screen.getByRole("link", { name: "See what was read" }).getAttribute("href")).toBe("#/patient/seen");
});

test("the patient is told how it was judged", () => {
  show({ state: "reviewed", verdict: "not-justified", reads: 3 });
  expect(screen.getByRole("alert").textContent).toContain(
    "It is over. 3 things were read. The privacy officer found it not justified.",
  );
});

test("an officer judges it, and is not told of whom", () => {
  show({ about: "patient", times: 3 });
  screen.getByText("Dr. Karim Haddad opened a patient's record in an emergency. Nobody has judged it.");
  expect(screen.getByRole("alert").textContent).toContain("number 3 of the same person within a day");
  expect(names()).toEqual(["Justified", "Not justified"]);
});

test("a notice speaks the reader's language", () => {
  setLanguage("es");
  show({ name: null });
  screen.getByText("Alguien sin nombre aquí abrió su historia en una emergencia.");
});

test("markup in a name is text", () => {
  show({ name: "<img src=x onerror=alert(1)>" });
  expect(document.querySelector("img")).toBeNull();
});
