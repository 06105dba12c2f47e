// @vitest-environment happy-dom
/** The verifier's page by its words and roles: a file in, steps ticking, a verdict that readers of the screen are taken to. */

import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import axe from "axe-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { work, type Question } from "~/verify/work";
import { VerifyPage } from "./VerifyPage";
import { pageWords } from "./strings";

/** The worker's own code, in this thread. */
class SameThread extends EventTarget {
  postMessage(question: Question): void {
    void work(question, (data) => act(() => this.dispatchEvent(new MessageEvent("message", { data }))));
  }
  terminate(): void {
    return;
  }
}

beforeEach(() => {
  vi.stubGlobal("Worker", SameThread);
  vi.stubGlobal("fetch", () => {
    throw new Error("the page asked the network");
  });
  localStorage.clear();
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(properties: Parameters<typeof VerifyPage>[0] = {}) {
  return render(
    <MantineProvider>
      <VerifyPage {...properties} />
    </MantineProvider>,
  );
}

function choose(file: File) {
  fireEvent.change(screen.getByLabelText(/Drop a proof here/), { target: { files: [file] } });
}

test("a file that is no bundle is refused in words, with the exact code, and focus on the verdict", async () => {
  show();
  choose(new File(["no bundle"], "letter.txt"));
  const verdict = await screen.findByRole("heading", {
    name: /Not accepted: this file is not a proof bundle/,
  });
  await waitFor(() => expect(document.activeElement).toBe(verdict));
  expect(screen.getByText("not-an-archive")).toBeTruthy();
  expect(screen.getAllByRole("listitem").length).toBeGreaterThanOrEqual(15);
  fireEvent.click(screen.getByRole("button", { name: "Check another proof" }));
  expect(screen.getByLabelText(/Drop a proof here/)).toBeTruthy();
});

test("a bundle that another page hands over is judged at once, in Spanish too", async () => {
  show({ initial: new Blob(["no bundle"]), language: "es" });
  expect(await screen.findByRole("heading", { name: /No se acepta/ })).toBeTruthy();
});

test("keys that cannot be read are said to be the reader's own, not the bundle's fault", async () => {
  show();
  fireEvent.change(screen.getByLabelText(pageWords("en").keys), { target: { value: "nonsense" } });
  choose(new File(["no bundle"], "letter.txt"));
  expect((await screen.findByRole("alert")).textContent).toContain("The keys or the policy that you gave");
});

test("the proof of one entry is told apart", async () => {
  show();
  choose(new File(["c2sp.org/tlog-proof@v1\nindex 1\n"], "12.tlog-proof"));
  expect((await screen.findByRole("alert")).textContent).toContain("a single entry");
});

test("keys are kept only when the reader says so", () => {
  show();
  fireEvent.change(screen.getByLabelText(pageWords("en").keys), { target: { value: "a key" } });
  expect(localStorage.length).toBe(0);
  fireEvent.click(screen.getByLabelText(pageWords("en").remember));
  expect(Object.values(localStorage)).toEqual(["a key"]);
});

test("nothing stands in the way of readers of the screen", async () => {
  const { container } = show();
  choose(new File(["no bundle"], "letter.txt"));
  await screen.findByRole("heading", { name: /Not accepted/ });
  // Colours are not computed here; they are looked at in a real browser.
  const { violations } = await axe.run(container, { rules: { "color-contrast": { enabled: false } } });
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
});
