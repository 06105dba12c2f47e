/** My readings, opened: each kind with its values over time. What cannot be opened is left out and counted. */

import { useEffect, useMemo } from "react";
import {
  joined,
  measuredIn,
  openItem,
  useOpenings,
  useRecord,
  type Measured,
  type RecordItem,
  type RecordList,
} from "~/record";
import { useMe } from "~/session";

export interface Kind {
  kind: string;
  measured: Measured;
  items: RecordItem[];
}

export interface Readings {
  list: RecordList;
  kinds: Kind[];
  /** How many are on their way or still to be opened. */
  left: number;
}

export function useReadings({
  rows,
  sinceMs = 0,
  every_ms,
}: {
  rows: number;
  sinceMs?: number;
  every_ms?: number;
}): Readings {
  const { actor } = useMe();
  const list = useRecord(actor, { what: "readings", rows, ...(every_ms === undefined ? {} : { every_ms }) });
  const openings = useOpenings();
  const items = useMemo(
    () => list.items.filter(({ reading }) => reading !== null && Date.parse(reading.to) >= sinceMs),
    [list.items, sinceMs],
  );
  useEffect(() => {
    for (const item of items) {
      if (!openings.has(item.object))
        void openItem(item, { purpose: "patient-request" }).catch(() => undefined);
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- each new list is opened once
  }, [items]);
  return useMemo(() => {
    const names = [...new Set(items.map(({ reading }) => reading?.kind ?? ""))].sort();
    const kinds = names.map((kind) => {
      const own = items.filter(({ reading }) => reading?.kind === kind);
      const measured = own.flatMap((item) => {
        const opened = openings.get(item.object);
        const fhir =
          opened?.state === "open" && opened.content.kind === "fhir" ? opened.content.resource : null;
        return fhir === null ? [] : [measuredIn(fhir, kind)];
      });
      return { kind, items: own, measured: joined(kind, measured) };
    });
    const left = items.filter(({ object }) => {
      const state = openings.get(object)?.state ?? "closed";
      return state === "closed" || state === "opening";
    }).length;
    return { list, kinds, left };
  }, [items, openings, list]);
}
