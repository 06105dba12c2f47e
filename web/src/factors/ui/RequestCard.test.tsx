// @vitest-environment happy-dom
/** Shown is what was ticked and what is needed, never more; what lacks is said, and refusing is always possible. */

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "~/session";
import type { Offer } from "../book";
import type { FactorWanted, OpenedRequest } from "../request";
import { RequestCard } from "./RequestCard";

const acts = vi.hoisted(() => ({
  lookAt: vi.fn<() => Promise<unknown>>(),
  answer: vi.fn<(opened: unknown, book: unknown, names: readonly string[]) => Promise<void>>(),
  refuse: vi.fn<(presentation: string) => Promise<void>>(),
}));
const offers = vi.hoisted(() => ({ made: [] as unknown[] }));
vi.mock("./acts", () => acts);
vi.mock("../book", () => ({ offersFor: () => offers.made }));
vi.mock("~/session", async (original) => ({
  ...(await original<typeof import("~/session")>()),
  nodeClient: () => ({ wallet: {}, origin: "clinic.example/ledger", clock: { nowMs: () => 0 } }),
}));

const ASKED = {
  presentation: "p1",
  verifier: { id: "v1", kind: "person", roles: ["clinician"], name: "Dr. <b>Osei</b>" },
  expires_at: "2026-11-23T10:00:00.000Z",
};
const OPENED = { request: { purpose: "treatment", relied_seconds: 3600 } } as unknown as OpenedRequest;

function offer(name: string, value: string | null, wanted: Partial<FactorWanted> = {}): Offer {
  const whole = {
    group: "identity" as const,
    name,
    accepted: [],
    vouched: "issuer" as const,
    optional: false,
  };
  const vouching = { vouched: "issuer" as const, vouched_by: "did:web:x.example", verified_at: "" };
  return {
    wanted: { ...whole, ...wanted },
    held: null,
    factor: value === null ? null : { name, value, vouching },
  };
}

const done = vi.fn<(what: string) => void>();

beforeEach(() => {
  [acts.lookAt, acts.answer, acts.refuse, done].forEach((one) => one.mockReset());
  acts.lookAt.mockResolvedValue(OPENED);
  acts.answer.mockResolvedValue();
  acts.refuse.mockResolvedValue();
});
afterEach(cleanup);

async function look(...made: Offer[]) {
  offers.made = made;
  render(
    <MantineProvider env="test">
      <RequestCard asked={ASKED} book={[]} onDone={done} />
    </MantineProvider>,
  );
  expect(screen.queryByText("Exactly this is shown")).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Look at what is asked" }));
  await screen.findByText(/^(Exactly this is shown|This is asked)$/);
}

const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));

test("who asks, and what would be shown, is text whatever stands in it", async () => {
  await look(offer("given_name", "<img src=x>"));
  expect(screen.getByText(/Dr\. <b>Osei<\/b> asks you/)).toBeTruthy();
  expect(screen.getByText("<img src=x>")).toBeTruthy();
});

test("what may be left out is left out until it is ticked", async () => {
  await look(offer("given_name", "Ana"), offer("address", "Main St 1", { optional: true }));
  press("Show this one");
  await vi.waitFor(() => {
    expect(done).toHaveBeenCalledWith("shown");
  });
  expect(acts.answer).toHaveBeenCalledWith(OPENED, [], ["identity.given_name"]);
});

test("all of it is chosen at once, and taken back one by one", async () => {
  const optional = { optional: true };
  await look(offer("name", "Ana"), offer("address", "Main St 1", optional), offer("phone", "1", optional));
  press("Choose all");
  fireEvent.click(screen.getByRole("checkbox", { name: /Telephone/ }));
  press("Show these 2");
  await vi.waitFor(() => {
    expect(acts.answer).toHaveBeenCalledWith(OPENED, [], ["identity.name", "identity.address"]);
  });
});

test("without what is needed there is no answer, and one can refuse", async () => {
  await look(offer("given_name", "Ana"), offer("record_number", null));
  expect(screen.queryByRole("button", { name: /^Show/ })).toBeNull();
  press("Refuse");
  await vi.waitFor(() => {
    expect(done).toHaveBeenCalledWith("refused");
  });
  expect(acts.refuse).toHaveBeenCalledWith("p1");
  expect(acts.answer).not.toHaveBeenCalled();
});

test("a refused answer is said in words, and nothing is called shown", async () => {
  const parts = { code: "credential-revoked", status: 403, title: "Refused", detail: "", hint: "" };
  acts.answer.mockRejectedValue(new ApiError(parts));
  await look(offer("given_name", "Ana"));
  press("Show this one");
  expect((await screen.findByRole("alert")).textContent).toContain("taken your credential back");
  expect(done).not.toHaveBeenCalled();
});
