// @vitest-environment happy-dom
/** The verifier's page by its words and roles: a file in, steps ticking, a verdict that readers of the screen are taken to. */

import { readFileSync } from "node:fs";
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

interface ProofVector {
  readonly keys: readonly string[];
  readonly proof: string;
  readonly entry: string;
}

const VECTOR = JSON.parse(readFileSync("../tests/vectors/tlog-proof.json", "utf8")) as ProofVector;
const PROOF = new File([Buffer.from(VECTOR.proof, "base64")], "12.tlog-proof");
const ENTRY = new File([Buffer.from(VECTOR.entry, "base64")], "12.json");

function chooseAll(...files: File[]) {
  fireEvent.change(screen.getByLabelText(/Drop a proof here/), { target: { files } });
}

function giveKeys(keys: readonly string[]) {
  fireEvent.change(screen.getByLabelText(pageWords("en").keys), { target: { value: keys.join("\n") } });
}

test("the proof of one entry asks for the entry, then for the keys, and then ticks its six steps", async () => {
  show();
  chooseAll(PROOF);
  expect((await screen.findByRole("alert")).textContent).toContain("Add the entry's own file");
  fireEvent.click(screen.getByRole("button", { name: "Check another proof" }));
  chooseAll(ENTRY, PROOF);
  expect((await screen.findByRole("alert")).textContent).toContain("Give the two keys");
  giveKeys(VECTOR.keys);
  await screen.findByRole("heading", { name: /Genuine\. The entry stands in this ledger/ });
  expect(screen.getAllByLabelText(pageWords("en").holds)).toHaveLength(6);
  expect(screen.getByText(/Who asked for the entry is not in the proof/)).toBeTruthy();
});

test("the proof of an entry that was altered fails at its place, in words", async () => {
  show();
  giveKeys(VECTOR.keys);
  const altered = new File([(await ENTRY.text()).replace('"count":3', '"count":4')], "12.json");
  chooseAll(PROOF, altered);
  await screen.findByRole("heading", { name: /Not genuine: an entry is not the one that stands/ });
  expect(screen.getByText("inclusion-refused")).toBeTruthy();
});

test("another proof of one entry is not judged by the entry of the one before", async () => {
  show();
  giveKeys(VECTOR.keys);
  chooseAll(PROOF, new File(["another entry"], "13.json"));
  await screen.findByRole("heading", { name: /Not genuine/ });
  fireEvent.click(screen.getByRole("button", { name: "Check another proof" }));
  chooseAll(PROOF);
  expect((await screen.findByRole("alert")).textContent).toContain("Add the entry's own file");
});

test("two files that cannot be read are said so", async () => {
  show();
  const gone = () => Promise.reject(new DOMException("it is gone", "NotReadableError"));
  const [one, other] = [new File(["x"], "a"), new File(["x"], "b")];
  for (const file of [one, other])
    Object.assign(file, { slice: () => ({ arrayBuffer: gone }), arrayBuffer: gone });
  chooseAll(one, other);
  expect((await screen.findByRole("alert")).textContent).toContain("could not be");
});

test("the proof of one entry under keys of another ledger is not accepted", async () => {
  show();
  giveKeys(VECTOR.keys.slice(0, 1));
  chooseAll(PROOF, ENTRY);
  await screen.findByRole("heading", { name: /Not accepted: its ledger is not one whose keys you gave/ });
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
