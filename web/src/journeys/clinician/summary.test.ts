import { describe, expect, it } from "vitest";
import { compositionOf, narrative } from "./summary";

const ABOUT = {
  visit: "0198c000-0000-7000-8000-000000000301",
  patient: { id: "0198c000-0000-7000-8000-000000000001", name: "Ana" },
  author: { id: "0198c000-0000-7000-8000-000000000002", name: null },
  at: "2026-05-03T10:00:00.000Z",
  language: "en",
  title: "Summary",
  headings: { discussed: "What we talked about", plan: "What to do", returnIf: "When to come back" },
};

describe("narrative", () => {
  it("takes what was typed as text, not as markup", () => {
    const div = narrative('<img src=x onerror="alert(1)"> & more');
    expect(div).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; more");
    expect(div.match(/<(?!\/?(div|p|br))/)).toBeNull();
  });

  it("keeps lines and paragraphs, and drops what XML cannot hold", () => {
    expect(narrative("one\ntwo\n\nthree\u0000")).toBe(
      '<div xmlns="http://www.w3.org/1999/xhtml"><p>one<br/>two</p><p>three</p></div>',
    );
  });
});

describe("compositionOf", () => {
  it("leaves empty sections out, and says who wrote it about whom", () => {
    const composition = compositionOf({ discussed: "Sleep", plan: " ", returnIf: "" }, ABOUT);
    expect(composition.section.map(({ title }) => title)).toEqual(["What we talked about"]);
    expect(composition.subject).toEqual({ reference: `urn:uuid:${ABOUT.patient.id}`, display: "Ana" });
    expect(composition.author).toEqual([{ reference: `urn:uuid:${ABOUT.author.id}` }]);
  });
});
