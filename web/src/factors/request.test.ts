import { expect, it, test } from "vitest";
import { canonical, digestOf, IdSource, type Json, systemClock } from "~/kernel";
import { codeOf } from "~/kernel/testing/vectors";
import { checkRequest, readOpened, readRequest } from "./request";

const ids = new IdSource(systemClock);
const [HOLDER, VERIFIER, PRESENTATION] = [ids.next(), ids.next(), ids.next()];
const NODE = "clinic.example/ledger";
const ENDS = "2026-11-23T10:00:00.000Z";

const REQUEST = {
  format: "telesphor-presentation-request/1",
  v: 1,
  presentation: PRESENTATION,
  node: NODE,
  verifier: VERIFIER,
  audience: `${NODE}/actors/${VERIFIER}`,
  nonce: ids.nonce(),
  wanted: [{ group: "identity", name: "birth_date", accepted: [], vouched: "issuer", optional: false }],
  purpose: "treatment",
  holder: HOLDER,
  expires_at: ENDS,
  relied_seconds: 3600,
};
const LINK = {
  presentation: PRESENTATION,
  request: digestOf(canonical.encode(REQUEST)),
  ticket: "t",
  request_uri: "/v1/presentations/x/request",
  response_uri: "/v1/presentations/x/response",
};
const AT = { holder: HOLDER, node: NODE, nowMs: Date.parse(ENDS) - 1 };

const opened = (request: object, link: object = {}) =>
  readOpened({ request, link: { ...LINK, ...link } } as unknown as Json, PRESENTATION);

test("a request is read as it was signed for", () => {
  expect(opened(REQUEST).request).toEqual(REQUEST);
  expect(() => {
    checkRequest(opened(REQUEST).request, AT);
  }).not.toThrow();
});

test("a node that shows one request and names another is not believed", async () => {
  const more = { ...REQUEST.wanted[0], name: "over_18" };
  expect(await codeOf(() => opened({ ...REQUEST, wanted: [...REQUEST.wanted, more] }))).toBe(
    "answer-refused",
  );
  expect(await codeOf(() => opened(REQUEST, { request: digestOf(canonical.encode({})) }))).toBe(
    "answer-refused",
  );
  expect(await codeOf(() => opened(REQUEST, { presentation: ids.next() }))).toBe("answer-refused");
});

test("an answer goes to a path of this node and nowhere else", async () => {
  for (const place of ["https://elsewhere.example/v1/x", "//elsewhere.example/v1/", "v1/x", 1])
    expect(await codeOf(() => opened(REQUEST, { response_uri: place }))).toBe("answer-refused");
});

const [WANTED] = REQUEST.wanted;
const OTHER_FORMS: readonly (readonly [string, object])[] = [
  ["another version", { v: 2 }],
  ["another member", { more: 1 }],
  ["nothing wanted", { wanted: [] }],
  ["a factor twice", { wanted: [WANTED, WANTED] }],
  ["a group that is none", { wanted: [{ ...WANTED, group: "genome" }] }],
  ["a value that tells a person apart", { wanted: [{ ...WANTED, accepted: ["1974-12-25"] }] }],
  ["another purpose", { purpose: "marketing" }],
  ["a nonce that is none", { nonce: "again" }],
  ["reliance for a year", { relied_seconds: 366 * 86_400 }],
];

it.each(OTHER_FORMS)("a request with %s is refused", async (_, changes) => {
  expect(await codeOf(() => readRequest({ ...REQUEST, ...changes } as unknown as Json))).toBe(
    "answer-refused",
  );
});

const NOT_FOR_ME: readonly (readonly [string, object, string])[] = [
  ["of another node", { node: "other.example/ledger" }, "request-not-for-me"],
  ["for another verifier's ears", { audience: `${NODE}/actors/${HOLDER}` }, "request-not-for-me"],
  ["to another person", { holder: ids.next() }, "request-not-for-me"],
  ["that is over", { expires_at: "2026-11-23T09:59:59.000Z" }, "request-over"],
];

it.each(NOT_FOR_ME)("a request %s is not answered", async (_, changes, code) => {
  const request = readRequest({ ...REQUEST, ...changes } as unknown as Json);
  expect(
    await codeOf(() => {
      checkRequest(request, AT);
    }),
  ).toBe(code);
});
