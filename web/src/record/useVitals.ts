/**
 * Live vitals of a visit: the newest readings of its devices, each opened once, as `VitalsStrip` shows them.
 *
 * Guarantees: a reading that cannot be opened or has no value changes nothing; what is older than ten minutes is dropped.
 */

import { useEffect, useMemo, useState } from "react";
import type { Vital } from "~/components";
import { readingName } from "./naming";
import { openItem, useOpenings } from "./opening";
import { USUAL, joined, measuredIn, type Measured } from "./readings";
import { useRecordStrings } from "./strings";
import type { RecordItem } from "./types";
import { useRecord } from "./useRecord";

const KEPT_MS = 10 * 60 * 1000;
/** Devices send every few seconds; what comes faster waits for the next look. */
const LOOK_MS = 4000;
const NEWEST = 60;
/** A window of ten seconds comes each ten seconds: one that is late says so. */
const STALE_SECONDS = 45;

export interface VitalsAsk {
  /** Whose readings. */
  person: string | null;
  visit: string;
}

export function useVitals({ person, visit }: VitalsAsk): Vital[] {
  const words = useRecordStrings();
  const { items } = useRecord(person, { what: "readings", visit, rows: NEWEST, every_ms: LOOK_MS });
  const openings = useOpenings();
  const [beganMs] = useState(() => Date.now());
  useEffect(() => {
    const since = Math.max(beganMs, Date.now()) - KEPT_MS;
    for (const item of items) {
      if (Date.parse(item.reading?.to ?? "") < since || openings.has(item.object)) continue;
      void openItem(item, { purpose: "treatment", visit }).catch(() => undefined);
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- each new list is looked at once
  }, [items]);
  return useMemo(() => {
    const fresh = items.filter((item) => Date.parse(item.reading?.to ?? "") > Date.now() - KEPT_MS);
    return vitalsOf(fresh, (item) => measuredOf(item, openings)).map((vital) => ({
      ...vital,
      name: readingName(vital.name, words),
    }));
  }, [items, openings, words]);
}

function measuredOf(item: RecordItem, openings: ReturnType<typeof useOpenings>): Measured | null {
  const opened = openings.get(item.object);
  if (opened?.state !== "open" || opened.content.kind !== "fhir" || item.reading === null) return null;
  return measuredIn(opened.content.resource, item.reading.kind);
}

/** One vital for each kind; a blood pressure is one value of two numbers. */
export function vitalsOf(items: readonly RecordItem[], open: (item: RecordItem) => Measured | null): Vital[] {
  const kinds = [...new Set(items.flatMap(({ reading }) => (reading === null ? [] : [reading.kind])))].sort();
  return kinds.map((kind) => {
    const own = items.filter(({ reading }) => reading?.kind === kind);
    const all = joined(
      kind,
      own.flatMap((item) => open(item) ?? []),
    );
    return vitalOf(kind, all, own);
  });
}

function vitalOf(kind: string, { series }: Measured, items: readonly RecordItem[]): Vital {
  const main = series.find(({ name }) => name === "systolic") ?? series[0];
  const low = series.find(({ name }) => name === "diastolic");
  const last = main?.samples.at(-1);
  const lastLow = low?.samples.at(-1);
  const newest = items.reduce((best, { reading }) => Math.max(best, Date.parse(reading?.to ?? "") || 0), 0);
  const range = USUAL[main?.name ?? kind];
  return {
    key: kind,
    name: kind,
    value: last === undefined ? null : lastLow === undefined ? last.value : `${last.value}/${lastLow.value}`,
    unit: main?.unit ?? range?.unit ?? "",
    at:
      last === undefined
        ? newest > 0
          ? new Date(newest).toISOString()
          : null
        : new Date(last.at).toISOString(),
    ...(range === undefined || lastLow !== undefined ? {} : { low: range.low, high: range.high }),
    history: (main?.samples ?? []).map(({ at, value }) => ({ at, value })),
    staleAfterSeconds: STALE_SECONDS,
  };
}
