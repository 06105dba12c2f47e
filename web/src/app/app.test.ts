import { describe, expect, test } from "vitest";
import { currentOf } from "./Frame";
import { invitationOf, nextPlace, placeOfLink, type Look } from "./join/invitation";
import { journeysOf } from "./journeys";

const ID = "019b0a5e-7c1d-7a9c-8f2b-6d0c5f1e2a3b";
const CODE = "A".repeat(43);
const SITE = "https://clinic.example";

describe("a link", () => {
  test("is taken whole, or not at all", () => {
    expect(invitationOf([ID, CODE])).toEqual({ invitation: ID, code: CODE });
    for (const path of [
      [],
      [ID],
      [ID, CODE.slice(1)],
      [ID, `${CODE}A`],
      ["x", CODE],
      [ID, CODE, "more"],
      [ID, `${CODE.slice(1)}+`],
    ]) {
      expect(invitationOf(path), path.join("/")).toBeNull();
    }
  });

  test("that was pasted leads to its place on this site alone", () => {
    expect(placeOfLink(`  ${SITE}/#/join/${ID}/${CODE}\n`, SITE)).toBe(`/join/${ID}/${CODE}`);
    expect(placeOfLink(`#/join/${ID}/${CODE}`, SITE)).toBe(`/join/${ID}/${CODE}`);
    expect(placeOfLink(`https://evil.example/#/join/${ID}/${CODE}`, SITE)).toBeNull();
    expect(placeOfLink(`${SITE}.evil.example/#/join/${ID}/${CODE}`, SITE)).toBeNull();
    expect(placeOfLink(`javascript:alert(1)`, SITE)).toBeNull();
  });

  test("to a visit leads there", () => {
    expect(nextPlace({ visit: ID } as Look, "patient")).toBe(`/patient/visits/${ID}`);
    expect(nextPlace({ visit: null } as Look, "clinician")).toBe("/clinician");
  });
});

describe("journeys", () => {
  test("are those of one's roles, and everyone's own care", () => {
    expect(journeysOf({ kind: "person", roles: [] })).toEqual(["patient"]);
    expect(journeysOf({ kind: "person", roles: ["privacy-officer", "clinician"] })).toEqual([
      "clinician",
      "auditor",
      "patient",
    ]);
    expect(journeysOf({ kind: "organisation", roles: [] })).toEqual(["admin", "auditor"]);
  });
});

test("the menu marks the nearest place above the page", () => {
  const items = ["/patient", "/patient/visits", "/patient/v"].map((to) => ({
    to,
    label: to,
    icon: "home" as const,
  }));
  expect(currentOf(items, "/patient/visits/v1")?.to).toBe("/patient/visits");
  expect(currentOf(items, "/patient")?.to).toBe("/patient");
  expect(currentOf(items, "/patients")).toBeUndefined();
});
