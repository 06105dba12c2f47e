/** What the pieces of one's own record are called, for sentences about them: by what the ledger tells, and what was opened. */

import { useCallback } from "react";
import { describe, useOpenings, useRecord } from "~/record";
import { useMe } from "~/session";
import { useLanguage } from "~/strings";
import { usePatientStrings } from "../strings";

const ROWS = 100;

export interface Names {
  nameOf: (resource: string) => string | null;
  /** `reading` or the kind of the thing: lines of one sort are told together. */
  sortOf: (resource: string) => string;
}

export function useNames(): Names {
  const words = usePatientStrings().seen;
  const { actor } = useMe();
  const { language } = useLanguage();
  const { items } = useRecord(actor, { rows: ROWS });
  const openings = useOpenings();
  const find = useCallback(
    (resource: string) => items.find(({ object }) => resource === `object/${object}`),
    [items],
  );
  const nameOf = useCallback(
    (resource: string) => {
      const item = find(resource);
      if (item === undefined) return null;
      if (item.role === "summary") return words.summary;
      const opened = openings.get(item.object);
      if (item.reading === null && opened?.state === "open" && opened.content.kind === "fhir")
        return words.named(describe(opened.content.resource, language).title);
      return null;
    },
    [find, openings, language, words],
  );
  const sortOf = useCallback(
    (resource: string) => (find(resource)?.reading == null ? (resource.split("/", 1)[0] ?? "") : "reading"),
    [find],
  );
  return { nameOf, sortOf };
}
