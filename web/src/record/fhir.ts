/**
 * FHIR R4 resources as people read them: a title, a line below it, and what is in them as names and values.
 *
 * Guarantees: never throws, whatever a resource holds; gives text alone, never markup. What has no page of its own here
 * is shown by its plain values. Start at `describe`.
 */

import { timeText, type Language } from "~/strings";
import { fhirWords, readingWords, type FhirWords } from "./strings";
import { unitText } from "./units";

export type Fhir = { readonly [member: string]: unknown };

export interface Row {
  name: string;
  value: string;
}

export interface Section {
  title: string;
  text: string;
}

export interface Description {
  /** `Blood pressure`, `Prescription: amoxicillin`. */
  title: string;
  /** The sort of thing, where the title does not say it. */
  kind: string;
  /** When it was so, as FHIR writes dates; null where it does not say. */
  at: string | null;
  /** The one value that people look for: `120/80 mmHg`. */
  value: string | null;
  rows: Row[];
  sections: Section[];
}

interface Telling {
  words: FhirWords;
  language: Language;
}

type Teller = (resource: Fhir, telling: Telling) => Partial<Description>;

/** Rows of one resource: a page of a screen; the file itself has all. */
const ROWS_MAX = 60;
const TEXT_MAX = 20_000;

export function describe(resource: Fhir, language: Language): Description {
  const words = fhirWords(language);
  const type = textOf(resource["resourceType"]) ?? "";
  const kinds: Record<string, string> = words.kinds;
  const kind = (Object.hasOwn(kinds, type) ? kinds[type] : spaced(type)) || words.record;
  const told = ((Object.hasOwn(TELLERS, type) ? TELLERS[type] : undefined) ?? tellAny)(resource, {
    words,
    language,
  });
  const rows = (told.rows ?? []).filter(({ value }) => value !== "").slice(0, ROWS_MAX);
  return {
    // A bare code tells people nothing.
    title: told.title && !/^[\d.:-]+$/.test(told.title) ? told.title : kind,
    kind,
    at: told.at ?? dateOf(resource),
    value: told.value ?? null,
    rows,
    sections: told.sections ?? [],
  };
}

const TELLERS: Record<string, Teller> = {
  Patient: tellPatient,
  Observation: tellObservation,
  Condition: (resource, telling) => ({
    title: concept(resource["code"]),
    rows: rowsOf(telling, [
      ["status", concept(resource["clinicalStatus"])],
      ["certainty", concept(resource["verificationStatus"])],
      ["severity", concept(resource["severity"])],
      ["since", momentOf(resource["onsetDateTime"], telling) || textOf(resource["onsetString"])],
      ["until", momentOf(resource["abatementDateTime"], telling)],
      ["site", list(resource["bodySite"]).map(concept).join(", ")],
      ["note", notesOf(resource)],
    ]),
  }),
  AllergyIntolerance: (resource, telling) => ({
    title: concept(resource["code"]),
    rows: rowsOf(telling, [
      ["status", concept(resource["clinicalStatus"])],
      ["risk", textOf(resource["criticality"])],
      [
        "reaction",
        list(resource["reaction"])
          .flatMap((one) => list(member(one, "manifestation")).map(concept))
          .join(", "),
      ],
      ["note", notesOf(resource)],
    ]),
  }),
  MedicationRequest: tellMedication,
  MedicationStatement: tellMedication,
  MedicationDispense: tellMedication,
  MedicationAdministration: tellMedication,
  Medication: (resource, telling) => ({
    title: concept(resource["code"]),
    rows: rowsOf(telling, [
      ["form", concept(resource["form"])],
      [
        "ingredients",
        list(resource["ingredient"])
          .map((one) => concept(member(one, "itemCodeableConcept")))
          .join(", "),
      ],
    ]),
  }),
  Immunization: (resource, telling) => ({
    title: concept(resource["vaccineCode"]),
    rows: rowsOf(telling, [
      ["status", textOf(resource["status"])],
      ["lot", textOf(resource["lotNumber"])],
      ["site", concept(resource["site"])],
      ["note", notesOf(resource)],
    ]),
  }),
  Procedure: (resource, telling) => ({
    title: concept(resource["code"]),
    rows: rowsOf(telling, [
      ["status", textOf(resource["status"])],
      ["reason", list(resource["reasonCode"]).map(concept).join(", ")],
      ["note", notesOf(resource)],
    ]),
  }),
  Encounter: (resource, telling) => ({
    title:
      list(resource["type"]).map(concept).filter(Boolean).join(", ") ||
      textOf(member(resource["class"], "display")) ||
      "",
    rows: rowsOf(telling, [
      ["status", textOf(resource["status"])],
      [
        "with",
        list(resource["participant"])
          .map((one) => reference(member(one, "individual")))
          .filter(Boolean)
          .join(", "),
      ],
      ["reason", list(resource["reasonCode"]).map(concept).join(", ")],
      ["place", reference(resource["serviceProvider"])],
    ]),
  }),
  DiagnosticReport: (resource, telling) => ({
    title: concept(resource["code"]),
    rows: rowsOf(telling, [
      ["status", textOf(resource["status"])],
      ["conclusion", textOf(resource["conclusion"])],
      ["results", list(resource["result"]).map(reference).filter(Boolean).join(", ")],
    ]),
  }),
  Composition: (resource, telling) => ({
    title: textOf(resource["title"]) || concept(resource["type"]),
    rows: rowsOf(telling, [
      ["author", list(resource["author"]).map(reference).filter(Boolean).join(", ")],
      ["status", textOf(resource["status"])],
    ]),
    sections: sectionsOf(resource["section"]),
  }),
  DocumentReference: (resource, telling) => ({
    title: textOf(resource["description"]) || concept(resource["type"]),
    rows: rowsOf(telling, [
      ["author", list(resource["author"]).map(reference).filter(Boolean).join(", ")],
      ["status", textOf(resource["status"])],
    ]),
    sections: attachmentsOf(resource["content"]),
  }),
  Consent: (resource, telling) => ({
    title: list(resource["category"]).map(concept).filter(Boolean).join(", ") || concept(resource["scope"]),
    rows: rowsOf(telling, [
      ["status", textOf(resource["status"])],
      ["place", list(resource["organization"]).map(reference).filter(Boolean).join(", ")],
      ["until", momentOf(member(member(resource["provision"], "period"), "end"), telling)],
    ]),
  }),
  Practitioner: (resource, telling) => ({
    title: nameOf(resource["name"]),
    rows: rowsOf(telling, [
      ["phone", contactsOf(resource["telecom"])],
      [
        "licence",
        list(resource["qualification"])
          .map((one) => concept(member(one, "code")))
          .filter(Boolean)
          .join(", "),
      ],
    ]),
  }),
};

function tellPatient(resource: Fhir, telling: Telling): Partial<Description> {
  return {
    title: nameOf(resource["name"]),
    rows: rowsOf(telling, [
      ["born", momentOf(resource["birthDate"], telling)],
      ["sex", textOf(resource["gender"])],
      ["phone", contactsOf(resource["telecom"])],
      ["address", list(resource["address"]).map(addressText).filter(Boolean).join(" · ")],
      [
        "contact",
        list(resource["contact"])
          .map((one) => nameOf([member(one, "name")]))
          .filter(Boolean)
          .join(", "),
      ],
    ]),
  };
}

/** What devices measure too, by its LOINC code: called as their readings are, whatever language a record is in. */
const MEASURES: Record<string, string> = {
  "8867-4": "heart-rate",
  "9279-1": "respiratory-rate",
  "2708-6": "oxygen-saturation",
  "59408-5": "oxygen-saturation",
  "8310-5": "body-temperature",
  "29463-7": "body-weight",
  "85354-9": "blood-pressure",
};

function measureOf(code: unknown, { language }: Telling): string {
  const kinds = list(member(code, "coding"))
    .filter((one) => member(one, "system") === "http://loinc.org")
    .map((one) => MEASURES[textOf(member(one, "code")) ?? ""] ?? "");
  return readingWords(language)[kinds.find((kind) => kind !== "") ?? ""] ?? "";
}

function tellObservation(resource: Fhir, telling: Telling): Partial<Description> {
  const parts = list(resource["component"])
    .map((one) => ({ name: concept(member(one, "code")), value: valueOf(one, telling) }))
    .filter(({ value }) => value !== "");
  const pressure = pressureOf(resource);
  const value = pressure ?? valueOf(resource, telling);
  return {
    title: measureOf(resource["code"], telling) || concept(resource["code"]),
    value: value || concept(resource["dataAbsentReason"]) || null,
    rows: [
      ...parts,
      ...rowsOf(telling, [
        ["meaning", list(resource["interpretation"]).map(concept).filter(Boolean).join(", ")],
        ["range", list(resource["referenceRange"]).map(rangeText).filter(Boolean).join(", ")],
        ["site", concept(resource["bodySite"])],
        ["method", concept(resource["method"])],
        ["by", list(resource["performer"]).map(reference).filter(Boolean).join(", ")],
        ["status", textOf(resource["status"])],
        ["note", notesOf(resource)],
      ]),
    ],
  };
}

function tellMedication(resource: Fhir, telling: Telling): Partial<Description> {
  const doses = list(resource["dosageInstruction"] ?? resource["dosage"]);
  return {
    title: concept(resource["medicationCodeableConcept"]) || reference(resource["medicationReference"]),
    rows: rowsOf(telling, [
      [
        "dose",
        doses
          .map((one) => textOf(member(one, "text")))
          .filter(Boolean)
          .join("; "),
      ],
      ["reason", list(resource["reasonCode"]).map(concept).filter(Boolean).join(", ")],
      ["status", textOf(resource["status"])],
      ["by", reference(resource["requester"])],
      ["note", notesOf(resource)],
    ]),
  };
}

/** What has no page of its own: its plain values, by their names. */
function tellAny(resource: Fhir): Partial<Description> {
  const rows: Row[] = [];
  for (const [name, value] of Object.entries(resource)) {
    if (HIDDEN.has(name)) continue;
    const text = plain(value);
    if (text !== "") rows.push({ name: spaced(name) ?? name, value: text });
  }
  return { title: concept(resource["code"]) || textOf(resource["title"]) || nameOf(resource["name"]), rows };
}

const HIDDEN = new Set([
  "resourceType",
  "id",
  "meta",
  "text",
  "contained",
  "extension",
  "identifier",
  "language",
]);

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).filter(Boolean).join(", ").slice(0, 400);
  if (isObject(value)) return concept(value) || reference(value) || quantity(value) || "";
  return textOf(value) ?? "";
}

/** `120/80 mmHg` of a blood pressure's two components (LOINC 8480-6, 8462-4). */
function pressureOf(resource: Fhir): string | null {
  const parts = list(resource["component"]);
  const part = (code: string) =>
    parts.find((one) =>
      list(member(member(one, "code"), "coding")).some((coding) => member(coding, "code") === code),
    );
  const high = member(part("8480-6"), "valueQuantity");
  const low = member(part("8462-4"), "valueQuantity");
  if (!isObject(high) || !isObject(low)) return null;
  return `${String(high["value"])}/${String(low["value"])} ${unitText(textOf(high["unit"]) ?? "")}`.trim();
}

function valueOf(holder: unknown, telling: Telling): string {
  if (!isObject(holder)) return "";
  const asQuantity = quantity(holder["valueQuantity"]);
  if (asQuantity !== "") return asQuantity;
  const asConcept = concept(holder["valueCodeableConcept"]);
  if (asConcept !== "") return asConcept;
  if (isObject(holder["valueRange"])) return rangeText(holder["valueRange"]);
  if (typeof holder["valueBoolean"] === "boolean")
    return holder["valueBoolean"] ? telling.words.yes : telling.words.no;
  if (holder["valueDateTime"] !== undefined) return momentOf(holder["valueDateTime"], telling);
  return textOf(holder["valueString"] ?? holder["valueInteger"] ?? holder["valueTime"]) ?? "";
}

function rangeText(value: unknown): string {
  const [low, high] = [quantity(member(value, "low")), quantity(member(value, "high"))];
  return textOf(member(value, "text")) ?? [low, high].filter(Boolean).join(" – ");
}

function rowsOf({ words }: Telling, rows: [keyof FhirWords["rows"], string | null | undefined][]): Row[] {
  return rows.map(([name, value]) => ({ name: words.rows[name], value: value ?? "" }));
}

/** The words of a code, or the code itself. */
export function concept(value: unknown): string {
  if (Array.isArray(value)) return value.map(concept).filter(Boolean).join(", ");
  const said = textOf(member(value, "text"));
  if (said) return said;
  const codings = list(member(value, "coding"));
  const shown = codings.map((coding) => textOf(member(coding, "display"))).find(Boolean);
  return shown ?? codings.map((coding) => textOf(member(coding, "code"))).find(Boolean) ?? "";
}

export function quantity(value: unknown): string {
  const number = member(value, "value");
  if (typeof number !== "number") return "";
  const sign = textOf(member(value, "comparator")) ?? "";
  const unit = unitText(textOf(member(value, "unit")) ?? textOf(member(value, "code")) ?? "");
  return `${sign}${number}${unit === "%" ? "" : " "}${unit}`.trim();
}

function reference(value: unknown): string {
  return textOf(member(value, "display")) ?? "";
}

function nameOf(value: unknown): string {
  const names = list(value);
  const best = names.find((name) => member(name, "use") === "official") ?? names[0];
  if (typeof best === "string") return best;
  const said = textOf(member(best, "text"));
  if (said) return said;
  const given = list(member(best, "given")).map(textOf);
  return [...list(member(best, "prefix")).map(textOf), ...given, textOf(member(best, "family"))]
    .filter(Boolean)
    .join(" ");
}

function addressText(value: unknown): string {
  const said = textOf(member(value, "text"));
  if (said) return said;
  const place = [member(value, "postalCode"), member(value, "city")].map(textOf).filter(Boolean).join(" ");
  return [...list(member(value, "line")).map(textOf), place, textOf(member(value, "country"))]
    .filter(Boolean)
    .join(", ");
}

function contactsOf(value: unknown): string {
  return list(value)
    .map((one) => textOf(member(one, "value")))
    .filter(Boolean)
    .join(", ");
}

function notesOf(resource: Fhir): string {
  return list(resource["note"])
    .map((one) => textOf(member(one, "text")))
    .filter(Boolean)
    .join(" ");
}

function sectionsOf(value: unknown): Section[] {
  return list(value).flatMap((one) => [
    { title: textOf(member(one, "title")) ?? "", text: narrative(member(one, "text")) },
    ...sectionsOf(member(one, "section")),
  ]);
}

/** Text that stands in a document itself; other files are objects of their own. */
function attachmentsOf(value: unknown): Section[] {
  return list(value).flatMap((one) => {
    const attachment = member(one, "attachment");
    const data = textOf(member(attachment, "data"));
    const type = textOf(member(attachment, "contentType")) ?? "";
    if (data === null || !type.startsWith("text/plain")) return [];
    return [{ title: textOf(member(attachment, "title")) ?? "", text: decoded(data) }];
  });
}

function decoded(base64: string): string {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return new TextDecoder().decode(bytes).slice(0, TEXT_MAX);
  } catch {
    return "";
  }
}

/** The text of a narrative. Its markup is read by the browser's own parser into a document that is never shown. */
export function narrative(value: unknown): string {
  const markup = textOf(isObject(value) ? value["div"] : value);
  if (markup === null) return "";
  if (typeof DOMParser === "undefined") return markup.replace(/<[^>]*>/g, " ").trim();
  const page = new DOMParser().parseFromString(markup.slice(0, TEXT_MAX * 4), "text/html");
  page.querySelectorAll("script, style").forEach((node) => node.remove());
  page.querySelectorAll("p, li, br, tr, div, h1, h2, h3").forEach((node) => node.append("\n"));
  const lines = (page.body.textContent ?? "").split("\n").map((line) => line.replace(/\s+/g, " ").trim());
  return lines.filter(Boolean).join("\n").slice(0, TEXT_MAX);
}

const DATES = [
  "effectiveDateTime",
  "issued",
  "onsetDateTime",
  "recordedDate",
  "authoredOn",
  "occurrenceDateTime",
  "performedDateTime",
  "whenHandedOver",
  "dateTime",
  "date",
] as const;

/** When it was so: the resource's own date, or the beginning of its period. */
export function dateOf(resource: Fhir): string | null {
  for (const name of DATES) {
    const said = textOf(resource[name]);
    if (said !== null && Number.isFinite(Date.parse(said))) return said;
  }
  for (const name of ["effectivePeriod", "period", "performedPeriod", "onsetPeriod"]) {
    const said = textOf(member(resource[name], "start"));
    if (said !== null && Number.isFinite(Date.parse(said))) return said;
  }
  return null;
}

/** A date of FHIR in words: a year stays a year, a day a day. */
export function momentOf(value: unknown, { language }: { language: Language }): string {
  const said = textOf(value);
  if (said === null) return "";
  const ms = Date.parse(said);
  if (!Number.isFinite(ms) || /^\d{4}(-\d{2})?$/.test(said)) return said;
  const day = /^\d{4}-\d{2}-\d{2}$/.test(said);
  return timeText(ms, day ? "date" : "moment", { nowMs: 0, language, ...(day ? { timeZone: "UTC" } : {}) });
}

function isObject(value: unknown): value is Fhir {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.slice(0, 200);
  return value === undefined || value === null ? [] : [value];
}

function textOf(value: unknown): string | null {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

/** `bodySite` as `Body site`. */
function spaced(name: string): string | null {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return words === "" ? null : words.charAt(0).toUpperCase() + words.slice(1);
}
