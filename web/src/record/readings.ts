/**
 * What a device measured, out of its FHIR Observation: values with times, to be plotted.
 *
 * Guarantees: a value that is no number, or a time that is none, is left out; nothing is invented in between.
 */

import type { Fhir } from "./fhir";
import { unitText } from "./units";

export interface Sample {
  /** ms since 1970 */
  at: number;
  value: number;
}

export interface Measured {
  /** As the ledger names it: `heart-rate`. */
  kind: string;
  /** `mmHg` has two: `systolic`, `diastolic`; else one, named like the kind. */
  series: { name: string; unit: string; samples: Sample[] }[];
  /** The raw signal, where the device gave it. */
  wave: Sample[];
}

/** Usual ranges of grown-ups at rest: to see at a glance, never a diagnosis. */
export const USUAL: Record<string, { low: number; high: number; unit: string }> = {
  "heart-rate": { low: 60, high: 100, unit: "/min" },
  "oxygen-saturation": { low: 95, high: 100, unit: "%" },
  "respiratory-rate": { low: 12, high: 20, unit: "/min" },
  "body-temperature": { low: 36.1, high: 37.5, unit: "°C" },
  glucose: { low: 70, high: 140, unit: "mg/dL" },
  systolic: { low: 90, high: 130, unit: "mmHg" },
  diastolic: { low: 60, high: 85, unit: "mmHg" },
};

/** A device sends at most some thousand samples a window; more are thinned before they are drawn. */
const SAMPLES_MAX = 100_000;

const PARTS: Record<string, string> = { "8480-6": "systolic", "8462-4": "diastolic" };
/** Read a reading: an Observation, or a Bundle of them. */
export function measuredIn(resource: Fhir, kind: string): Measured {
  const found = new Map<string, { name: string; unit: string; samples: Sample[] }>();
  let wave: Sample[] = [];
  for (const observation of observationsIn(resource)) {
    const at = timeOf(observation);
    if (at === null) continue;
    note(found, kind, observation["valueQuantity"], at);
    for (const part of listOf(observation["component"])) {
      const name = partName(part);
      if (name !== null) note(found, name, part["valueQuantity"], at);
      if (isFhir(part["valueSampledData"]))
        wave = waveOf(part["valueSampledData"], startOf(observation) ?? at);
    }
    if (isFhir(observation["valueSampledData"]))
      wave = waveOf(observation["valueSampledData"], startOf(observation) ?? at);
  }
  const series = [...found.values()].map((one) => ({
    ...one,
    samples: one.samples.sort((a, b) => a.at - b.at),
  }));
  return { kind, series, wave };
}

/** Several readings of one kind as one, in the order of time. */
export function joined(kind: string, all: readonly Measured[]): Measured {
  const found = new Map<string, { name: string; unit: string; samples: Sample[] }>();
  for (const one of all) {
    for (const { name, unit, samples } of one.series) {
      const known = found.get(name) ?? { name, unit, samples: [] };
      found.set(name, { ...known, samples: [...known.samples, ...samples] });
    }
  }
  const series = [...found.values()].map((one) => ({
    ...one,
    samples: one.samples.sort((a, b) => a.at - b.at),
  }));
  return { kind, series, wave: all.flatMap(({ wave }) => wave).sort((a, b) => a.at - b.at) };
}

function note(
  found: Map<string, { name: string; unit: string; samples: Sample[] }>,
  name: string,
  quantity: unknown,
  at: number,
): void {
  if (!isFhir(quantity) || typeof quantity["value"] !== "number" || !Number.isFinite(quantity["value"]))
    return;
  const said = String(quantity["unit"] ?? quantity["code"] ?? USUAL[name]?.unit ?? "");
  const known = found.get(name) ?? { name, unit: unitText(said), samples: [] };
  known.samples.push({ at, value: quantity["value"] });
  found.set(name, known);
}

/** FHIR SampledData: values at a fixed distance in ms, as text with blanks between. */
function waveOf(data: Fhir, start: number): Sample[] {
  const period = Number(data["period"]);
  const factor = Number(data["factor"] ?? 1);
  const origin = Number(isFhir(data["origin"]) ? data["origin"]["value"] : 0);
  if (!(period > 0) || typeof data["data"] !== "string") return [];
  const samples: Sample[] = [];
  for (const [index, word] of data["data"].split(" ", SAMPLES_MAX).entries()) {
    const value = Number(word) * factor + origin;
    if (word !== "" && Number.isFinite(value)) samples.push({ at: start + index * period, value });
  }
  return samples;
}

function observationsIn(resource: Fhir): Fhir[] {
  if (resource["resourceType"] !== "Bundle") return [resource];
  return listOf(resource["entry"]).flatMap((entry) => (isFhir(entry["resource"]) ? [entry["resource"]] : []));
}

function timeOf(observation: Fhir): number | null {
  const period = observation["effectivePeriod"];
  const said =
    observation["effectiveDateTime"] ?? (isFhir(period) ? (period["end"] ?? period["start"]) : undefined);
  const ms = typeof said === "string" ? Date.parse(said) : NaN;
  return Number.isFinite(ms) ? ms : null;
}

function startOf(observation: Fhir): number | null {
  const period = observation["effectivePeriod"];
  const ms = isFhir(period) && typeof period["start"] === "string" ? Date.parse(period["start"]) : NaN;
  return Number.isFinite(ms) ? ms : null;
}

function partName(part: Fhir): string | null {
  const codings = isFhir(part["code"]) ? listOf(part["code"]["coding"]) : [];
  return codings.map((coding) => PARTS[String(coding["code"])]).find((name) => name !== undefined) ?? null;
}

function listOf(value: unknown): Fhir[] {
  return Array.isArray(value) ? value.filter(isFhir) : [];
}

function isFhir(value: unknown): value is Fhir {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
