// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { addressOf, api } from "./api";
import { asApiError, type ApiError } from "./errors";
import { clockDifference } from "./node";
import { beginSession, endSession, endedNow, sessionNow, type Session } from "./store";
import { failed } from "./view";

const ME: Session = {
  session: "0a1b2c3d",
  actor: "a",
  kind: "person",
  roles: [],
  name: null,
  expiresAt: "2026-01-01T00:00:00.000Z",
  idleSeconds: 900,
};

let asked: { path: string; init: RequestInit }[] = [];

function answer(status: number, body: unknown): void {
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    asked.push({ path, init });
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status }));
  });
}

const refusal = (work: Promise<unknown>): Promise<ApiError> =>
  work.then(
    () => expect.fail("not refused"),
    (thrown: unknown) => asApiError(thrown),
  );

beforeEach(() => {
  asked = [];
  beginSession(ME);
});

afterEach(() => {
  endSession("signed-out");
  vi.unstubAllGlobals();
});

describe("addresses", () => {
  test("are filled in and escaped", () => {
    expect(addressOf("/v1/app/visits/{visit}", { params: { visit: "a/b" } })).toBe("/v1/app/visits/a%2Fb");
    expect(addressOf("/x/{id:uuid}", { params: { id: "1" } })).toBe("/x/1");
  });

  test("leave out what is not asked", () => {
    expect(addressOf("/x", { query: { a: null, b: undefined, c: "", d: 0, e: false } })).toBe(
      "/x?d=0&e=false",
    );
  });
});

describe("a request", () => {
  test("names its session, and says when it is nobody's doing", async () => {
    answer(200, { ok: true });
    await api.json("GET", "/v1/app/x", { background: true });
    expect(asked[0]?.init.headers).toMatchObject({
      "telesphor-session": "0a1b2c3d",
      "telesphor-background": "1",
    });
  });

  test("that is refused tells the node's code, words and hint", async () => {
    answer(403, {
      code: "access-denied",
      title: "Forbidden",
      detail: "no rule permits it",
      hint: "ask the patient",
    });
    const error = await refusal(api.json("GET", "/v1/app/x"));
    expect(error).toMatchObject({
      code: "access-denied",
      status: 403,
      message: "no rule permits it",
      hint: "ask the patient",
    });
    expect(sessionNow()).not.toBeNull();
  });

  test("of an ended session signs off at once", async () => {
    answer(401, { code: "session-refused" });
    expect((await refusal(api.json("GET", "/v1/app/x"))).code).toBe("signed-out");
    expect([sessionNow(), endedNow()]).toEqual([null, "expired"]);
  });

  test("with another session's number does not sign this one off", async () => {
    answer(401, { code: "session-refused" });
    await refusal(api.json("GET", "/v1/session", { headers: { "telesphor-session": "ffffffff" } }));
    expect(sessionNow()).not.toBeNull();
  });

  test("that nobody answers is offline", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
    expect((await refusal(api.json("GET", "/v1/app/x"))).code).toBe("offline");
  });

  test("whose answer is no problem document still has a code", async () => {
    answer(502, "bad gateway");
    expect((await refusal(api.json("GET", "/v1/app/x"))).code).toBe("http-502");
  });
});

describe("a view that fails", () => {
  const shown = { data: "secret", error: null, state: "ready" as const, at: 1, revoked: false };
  const error = (code: string, status: number) => ({ code, status }) as ApiError;

  test("by a broken line keeps what it showed", () => {
    expect(failed(shown, error("offline", 0))).toMatchObject({ data: "secret", state: "offline" });
  });

  test("by a refusal takes it away", () => {
    expect(failed(shown, error("access-ended", 403))).toMatchObject({
      data: null,
      state: "refused",
      revoked: true,
    });
  });

  test("by a refusal from the start was never revoked", () => {
    expect(failed({ ...shown, data: null }, error("access-denied", 403)).revoked).toBe(false);
  });
});

describe("the node's clock", () => {
  const nowMs = Date.parse("2026-05-03T14:00:00Z");
  test("sets a wrong one right", () => {
    expect(clockDifference("Sun, 03 May 2026 15:00:00 GMT", nowMs)).toBe(3_600_000);
  });
  test("leaves a right one alone", () => {
    expect(clockDifference("Sun, 03 May 2026 14:00:03 GMT", nowMs)).toBe(0);
    expect(clockDifference(null, nowMs)).toBe(0);
    expect(clockDifference("yesterday", nowMs)).toBe(0);
  });
});
