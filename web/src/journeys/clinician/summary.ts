/**
 * What is written after a visit: a FHIR R4 Composition, sealed to the patient and to whoever wrote it.
 *
 * Guarantees: what was typed is text in the document, never markup. LOINC 34133-9 is the summary of an episode;
 * the sections are LOINC 10164-2 (history), 18776-5 (plan), 69730-0 (instructions). Start at `compositionOf`.
 */

import { nodeClient, commands } from "~/session";

export interface Written {
  discussed: string;
  plan: string;
  returnIf: string;
}

export interface About {
  visit: string;
  patient: { id: string; name: string | null };
  author: { id: string; name: string | null };
  at: string;
  language: string;
  title: string;
  headings: { discussed: string; plan: string; returnIf: string };
}

const LOINC = "http://loinc.org";
const CODES: Record<keyof Written, { code: string; display: string }> = {
  discussed: { code: "10164-2", display: "History of Present illness Narrative" },
  plan: { code: "18776-5", display: "Plan of care note" },
  returnIf: { code: "69730-0", display: "Instructions" },
};

export const SUMMARY_TYPE = "application/fhir+json";
/** Long enough for any visit, and far below what an object may have. */
export const SUMMARY_CHARS_MAX = 20_000;

/** The document; empty sections are left out. */
export function compositionOf(written: Written, about: About) {
  const { visit, patient, author, at, language, title, headings } = about;
  const sections = (["discussed", "plan", "returnIf"] as const).filter((key) => written[key].trim() !== "");
  return {
    resourceType: "Composition",
    language,
    identifier: { system: "urn:ietf:rfc:3986", value: `urn:uuid:${visit}` },
    status: "final",
    type: {
      coding: [{ system: LOINC, code: "34133-9", display: "Summary of episode note" }],
      text: title,
    },
    subject: reference(patient),
    date: at,
    author: [reference(author)],
    title,
    section: sections.map((key) => ({
      title: headings[key],
      code: { coding: [{ system: LOINC, ...CODES[key] }] },
      text: { status: "additional", div: narrative(written[key]) },
    })),
  };
}

function reference({ id, name }: { id: string; name: string | null }) {
  return { reference: `urn:uuid:${id}`, ...(name === null ? {} : { display: name }) };
}

/** XHTML of plain text: a paragraph for each run of lines. */
export function narrative(text: string): string {
  const paragraphs = text
    .trim()
    .split(/\n{2,}/)
    .map((one) => `<p>${one.split("\n").map(escaped).join("<br/>")}</p>`);
  return `<div xmlns="http://www.w3.org/1999/xhtml">${paragraphs.join("")}</div>`;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  // eslint-disable-next-line no-control-regex -- XML has no control characters but line ends and tabs
  const sound = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "");
  return sound.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}

const YEAR_MS = 365 * 86_400_000;
const SLACK_MS = 60_000;

/**
 * Seal the summary for the patient, put it into the visit, and grant it: to read and export, for a year.
 *
 * The patient reads it as the one it is about in any case; the token lets them see and hand on what they were given.
 */
export async function keepSummary(written: Written, about: About): Promise<string> {
  const { putObject } = await import("~/kernel");
  const node = nodeClient();
  const text = JSON.stringify(compositionOf(written, about), null, 2);
  const { object } = await putObject(node, new Blob([text]), {
    mediaType: SUMMARY_TYPE,
    readers: [about.patient.id],
    subject: about.patient.id,
    visit: about.visit,
  });
  const [dataset, token, nowMs] = [node.ids.next(), node.ids.next(), node.clock.nowMs()];
  const members = [{ kind: "object", id: object }];
  const terms = {
    token,
    dataset,
    role: null,
    recipient: { kind: "actor", id: about.patient.id },
    actions: ["export", "read"],
    purposes: ["patient-request", "treatment"],
    not_before: new Date(nowMs - SLACK_MS).toISOString(),
    not_after: new Date(nowMs + YEAR_MS).toISOString(),
    required_factors: [],
    rule: "",
    revocable: true,
    transferable: false,
    delegation_depth: 0,
  };
  await commands({
    type: "visit.add-object/1",
    body: { visit: about.visit, object, role: "summary" },
  });
  await commands(
    { type: "dataset.define/1", body: { dataset, members } },
    { type: "token.mint/1", body: terms },
    { type: "visit.link/1", body: { visit: about.visit, stream: `token/${token}`, n: 0, role: "token" } },
  );
  return object;
}

/** Seal a note of the visit. The patient may read it: it is about them. */
export async function keepNote(text: string, { visit, patient }: { visit: string; patient: string }) {
  const { putObject } = await import("~/kernel");
  const { object } = await putObject(nodeClient(), new Blob([text]), {
    mediaType: "text/plain",
    readers: [patient],
    subject: patient,
    visit,
  });
  await commands({ type: "visit.add-object/1", body: { visit, object, role: "note" } });
  return object;
}
