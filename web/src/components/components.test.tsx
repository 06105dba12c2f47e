// @vitest-environment happy-dom

import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ApiError, type View } from "~/session";
import { setLanguage } from "~/strings";
import { Await, Confirm, DataList, Empty, Glass, PurposeChip, Seal, safeName } from "./index";
import { linePath, rangeOf, thinned, ticksOf } from "./scale";
import { vitalState, type Vital } from "./VitalsStrip";

afterEach(() => {
  cleanup();
  setLanguage("en");
});

const dressed = (node: ReactNode) => <MantineProvider env="test">{node}</MantineProvider>;
const show = (node: ReactNode) => render(dressed(node));
const error = (code: string, status: number) =>
  new ApiError({ code, status, title: "It failed", detail: "the ledger cannot be written", hint: "" });
const view = (parts: Partial<View<string[]>>): View<string[]> => ({
  data: null,
  error: null,
  state: "loading",
  at: null,
  revoked: false,
  reload: () => undefined,
  ...parts,
});

describe("a view's states", () => {
  const draw = (parts: Partial<View<string[]>>) =>
    show(
      <Await view={view(parts)} empty={<Empty title="No visits yet" />}>
        {(data) => <p>{data.join()}</p>}
      </Await>,
    );

  test("loading says so", () => {
    draw({});
    expect(screen.getByRole("status").getAttribute("aria-busy")).toBe("true");
  });

  test("nothing there is a sentence", () => {
    draw({ data: [], state: "ready" });
    screen.getByText("No visits yet");
  });

  test("a failure says what went wrong and that nothing was lost, and tries again", () => {
    const reload = vi.fn();
    draw({ state: "error", error: error("x", 500), reload });
    screen.getByText("The ledger cannot be written. Nothing was lost.");
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(reload).toHaveBeenCalledOnce();
  });

  test("what is refused hints at nothing; what was revoked is gone", () => {
    draw({ state: "refused", error: error("access-denied", 403) });
    screen.getByText("This is not open to you");
    cleanup();
    draw({ state: "refused", revoked: true });
    screen.getByText("Your permission has ended");
  });

  test("offline keeps what is there, and says that it may be old", () => {
    draw({ data: ["Tuesday"], state: "offline" });
    screen.getByText("Tuesday");
    screen.getByText(/may be out of date/);
  });
});

describe("the seal", () => {
  test("says its level in words, and opens the proof, which follows what is confirmed meanwhile", async () => {
    const asked = vi.fn();
    const seal = (level: 2 | 4) => (
      <Seal
        level={level}
        facts={{ what: "Dr. Osei read it", when: "2026-05-03T14:00:00Z", level }}
        onOpen={asked}
      />
    );
    const { rerender } = show(seal(2));
    fireEvent.click(screen.getByRole("button", { name: "L2. Proof. Level 2 of 5: checked by witnesses" }));
    await screen.findByText("Dr. Osei read it");
    expect(screen.getAllByLabelText("Done:")).toHaveLength(2);
    expect(screen.getAllByLabelText("Waiting:")).toHaveLength(3);
    expect(asked).toHaveBeenCalledOnce();
    rerender(dressed(seal(4)));
    expect(screen.getAllByLabelText("Done:")).toHaveLength(4);
  });

  test("of something without a level waits", () => {
    show(<Seal level={null} />);
    screen.getByText("Sealing");
  });
});

test("markup in data is shown as it is", () => {
  const rows = [{ id: 1, name: "<img src=x onerror=alert(1)>" }];
  const columns = [
    { key: "name", title: "Name", primary: true, render: (row: { name: string }) => row.name },
  ];
  const opened = vi.fn();
  const { container } = show(
    <DataList caption="x" rows={rows} columns={columns} rowKey={(row) => row.id} onRow={opened} />,
  );
  expect(container.querySelector("img")).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "<img src=x onerror=alert(1)>" }));
  expect(opened).toHaveBeenCalledOnce();
});

test("a purpose is said in the reader's language, an unknown one as it is", () => {
  setLanguage("es");
  show(<PurposeChip purpose="emergency" />);
  screen.getByText("Emergencia");
  show(<PurposeChip purpose="research" />);
  screen.getByText("research");
});

test("broken glass shows nothing once it is over", () => {
  show(
    <Glass until="2020-01-01T00:00:00Z" officers={1}>
      the record
    </Glass>,
  );
  expect(screen.queryByText("the record")).toBeNull();
  screen.getByText("Your permission has ended");
});

test("a second tap that is refused says why, and stays open", async () => {
  const close = vi.fn();
  show(
    <Confirm
      opened
      title="Sure?"
      confirm="Take back"
      onClose={close}
      onConfirm={() => Promise.reject(error("x", 409))}
    >
      All of it
    </Confirm>,
  );
  fireEvent.click(screen.getByRole("button", { name: "Take back" }));
  await screen.findByText("the ledger cannot be written");
  expect(close).not.toHaveBeenCalled();
});

describe("a reading", () => {
  const nowMs = Date.parse("2026-05-03T14:00:00Z");
  const vital = (parts: Partial<Vital>): Vital => ({
    key: "hr",
    name: "Heart rate",
    value: 70,
    unit: "/min",
    at: "2026-05-03T13:59:50Z",
    low: 60,
    high: 100,
    history: [],
    ...parts,
  });

  test("too old says nothing about now, in range or not", () => {
    expect(vitalState(vital({ value: 150, at: "2026-05-03T13:58:00Z" }), nowMs)).toBe("stale");
  });

  test("outside its range is said; at its edge it is not", () => {
    expect(vitalState(vital({ value: 59.9 }), nowMs)).toBe("out");
    expect(vitalState(vital({ value: 60 }), nowMs)).toBe("fresh");
  });

  test("without a sound time is not taken for new", () => {
    expect(vitalState(vital({ at: "soon" }), nowMs)).toBe("stale");
    expect(vitalState(vital({ at: null }), nowMs)).toBe("none");
  });
});

describe("plots", () => {
  test("steps are round and within the range", () => {
    expect(ticksOf({ low: 0, high: 100 })).toEqual([0, 50, 100]);
    expect(ticksOf({ low: 96.2, high: 99.1 })).toEqual([97, 98, 99]);
    expect(ticksOf({ low: 0, high: 1.08 }, { whole: true })).toEqual([0, 1]);
    expect(ticksOf({ low: 1, high: 1 })).toEqual([]);
    expect(ticksOf({ low: Number.NaN, high: 1 })).toEqual([]);
  });

  test("a peak is not lost when points are thinned", () => {
    const points = Array.from({ length: 10_000 }, (_, x) => ({ x, y: x === 4321 ? 99 : 0 }));
    const kept = thinned(points, 200);
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(kept).toContainEqual({ x: 4321, y: 99 });
  });

  test("no reading, or one that is no number, breaks nothing", () => {
    expect(rangeOf([])).toEqual({ low: 0, high: 1 });
    expect(
      linePath(
        [
          { x: 0, y: Number.NaN },
          { x: 1, y: 2 },
        ],
        Number,
        Number,
      ),
    ).toBe("M1.0 2.0");
  });
});

test("a file's name keeps to one folder and hides nothing", () => {
  expect(safeName("../../etc/passwd")).toBe("_.._etc_passwd");
  expect(safeName("report\u202efdp.exe")).toBe("reportfdp.exe");
  expect(safeName("a\u0000b<c>.txt")).toBe("ab_c_.txt");
  expect(safeName("...")).toBe("file");
  expect(safeName("x".repeat(500))).toHaveLength(120);
});
