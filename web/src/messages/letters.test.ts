// @vitest-environment happy-dom
import { beforeAll, describe, expect, it } from "vitest";
import { base64url, generateRecipientKey } from "~/kernel";
import { checkRecipients, RecipientsDiffer } from "./letters";
import type { Recipient, ThreadView } from "./types";

const [ANA, OSEI, MONITOR, STRANGER] = ["ana", "osei", "monitor", "stranger"];
const THREAD = {
  thread: "t",
  members: [
    { actor: ANA, name: null, role: "patient" },
    { actor: OSEI, name: null, role: "clinician" },
  ],
  monitor: { actor: MONITOR, mode: "screen" },
} as unknown as ThreadView;
let kem: string;
let key: string;

beforeAll(async () => {
  const made = await generateRecipientKey();
  kem = base64url.encode(made.public.bytes);
  key = made.public.thumbprint();
});

function to(actor: string | undefined, role: Recipient["role"] = "member"): Recipient {
  return { actor: actor ?? "", name: null, role, key, kem };
}

describe("to whom a message is sealed", () => {
  it("is everybody whom the page shows, and the monitor that it names", () => {
    expect(() => checkRecipients(THREAD, [to(ANA), to(OSEI), to(MONITOR, "monitor")])).not.toThrow();
  });

  it.each([
    ["a stranger among them", () => [to(ANA), to(OSEI), to(STRANGER), to(MONITOR, "monitor")]],
    ["another monitor", () => [to(ANA), to(OSEI), to(STRANGER, "monitor")]],
    ["no monitor", () => [to(ANA), to(OSEI)]],
    ["a member as monitor", () => [to(ANA), to(OSEI, "monitor")]],
    ["somebody named twice", () => [to(ANA), to(ANA), to(OSEI), to(MONITOR, "monitor")]],
  ])("is refused with %s", (_, recipients) => {
    expect(() => checkRecipients(THREAD, recipients())).toThrow(RecipientsDiffer);
  });

  it("is refused under a key that is not the one it names", () => {
    const wrong = { ...to(OSEI), key: `sha256:${"0".repeat(64)}` };
    expect(() => checkRecipients(THREAD, [to(ANA), wrong, to(MONITOR, "monitor")])).toThrow(RecipientsDiffer);
  });
});
