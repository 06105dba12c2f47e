/** My visits: those to come with their button, those that were with their outcome. */

import { Button, Stack } from "@mantine/core";
import { useState } from "react";
import { Await, Empty, Page } from "~/components";
import { api, useView } from "~/session";
import type { Visit, VisitList } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { VisitCard } from "./VisitCard";

const ROWS = 10;

export function Visits() {
  const words = usePatientStrings().visits;
  const upcoming = useView<VisitList>("/v1/app/visits", {
    query: { which: "upcoming" },
    topics: ["visit/*"],
  });
  const past = useView<VisitList>("/v1/app/visits", {
    query: { which: "past", limit: ROWS },
    topics: ["visit/*"],
  });
  const older = useOlder(past.data);
  return (
    <Page title={words.title} width="text">
      <section className={styles.section}>
        <h2>{words.upcoming}</h2>
        <Await
          view={upcoming}
          shape="cards"
          isEmpty={({ visits }) => visits.length === 0}
          empty={<Empty icon="calendar" title={`${words.none} ${words.noneHint}`} />}
        >
          {({ visits, now }) => <Cards visits={visits} now={now} />}
        </Await>
      </section>
      <section className={styles.section}>
        <h2>{words.past}</h2>
        <Await
          view={past}
          shape="cards"
          isEmpty={({ visits }) => visits.length === 0}
          empty={<p className={styles.quiet}>{words.noPast}</p>}
        >
          {({ visits, now }) => (
            <>
              <Cards visits={[...visits, ...older.visits]} now={now} />
              {older.more !== null && (
                <Button variant="default" mt="md" loading={older.busy} onClick={older.more}>
                  {words.more}
                </Button>
              )}
            </>
          )}
        </Await>
      </section>
    </Page>
  );
}

function Cards({ visits, now }: { visits: readonly Visit[]; now: string }) {
  return (
    <Stack gap="md">
      {visits.map((visit) => (
        <VisitCard key={visit.visit} visit={visit} now={now} />
      ))}
    </Stack>
  );
}

function useOlder(first: VisitList | null) {
  const [older, setOlder] = useState<{ visits: Visit[]; next: string | null } | null>(null);
  const [busy, setBusy] = useState(false);
  const next = older === null ? (first?.next ?? null) : older.next;
  const load = async () => {
    setBusy(true);
    try {
      const query = { which: "past", limit: ROWS, before: next };
      const page = await api.json<VisitList>("GET", "/v1/app/visits", { query });
      setOlder((known) => ({ visits: [...(known?.visits ?? []), ...page.visits], next: page.next }));
    } catch {
      // The button stays, and can be pressed again.
    } finally {
      setBusy(false);
    }
  };
  return { visits: older?.visits ?? [], more: next === null ? null : () => void load(), busy };
}
