// @vitest-environment happy-dom
/** One session at a time in a tab: what was held of it goes when it ends, and when another one's begins over it. */

import { afterEach, expect, test, vi } from "vitest";
import { api } from "./api";
import { beginSession, endSession, onSessionEnd, sessionNow, type Session } from "./store";

const ANA: Session = {
  session: "0a1b2c3d",
  actor: "ana",
  kind: "person",
  roles: [],
  name: "Ana",
  expiresAt: "2026-01-01T00:00:00.000Z",
  idleSeconds: 900,
};
const OSEI: Session = { ...ANA, session: "ffffffff", actor: "osei", name: "Dr. Osei" };

afterEach(() => {
  endSession("signed-out");
  vi.unstubAllGlobals();
});

test("what was held of one person is dropped when another one signs in over them", () => {
  const dropped = vi.fn();
  const off = onSessionEnd(dropped);
  beginSession(ANA);
  beginSession(OSEI);
  expect(dropped).toHaveBeenCalledOnce();
  expect(sessionNow()?.actor).toBe("osei");
  off();
});

test("looking again at one's own roles and name drops nothing", () => {
  const dropped = vi.fn();
  const off = onSessionEnd(dropped);
  beginSession(ANA);
  beginSession({ ...ANA, roles: ["clinician"] });
  expect(dropped).not.toHaveBeenCalled();
  off();
});

test("the late refusal of a session that was there before does not end the one that is there now", async () => {
  let answer = (_: Response) => {};
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (answer = resolve)));
  beginSession(ANA);
  const asking = api.json("GET", "/v1/app/threads").catch(() => undefined);
  beginSession(OSEI);
  answer(new Response(JSON.stringify({ code: "session-refused" }), { status: 401 }));
  await asking;
  expect(sessionNow()?.actor).toBe("osei");
});
