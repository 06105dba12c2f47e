// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { checkCommand } from "./taking";

const made = (type: string, body: Record<string, unknown>) => ({
  share: "s",
  file: "sha256:00",
  bytes: 1,
  entries: 1,
  command: { type, body },
});

describe("what the node asks to sign", () => {
  it("is signed where it is the export that was asked for", () => {
    expect(() => checkCommand(made("audit.export/1", { watch: "w", share: "s" }), "w")).not.toThrow();
  });

  it.each([
    ["of another type", made("policy.set/1", { watch: "w", share: "s" })],
    ["of another watch", made("audit.export/1", { watch: "x", share: "s" })],
    ["of another share", made("audit.export/1", { watch: "w", share: "t" })],
  ])("is refused %s", (_fault, asked) => {
    expect(() => checkCommand(asked, "w")).toThrow(/something else/);
  });
});
