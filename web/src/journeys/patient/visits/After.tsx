/** After a visit: its summary, all that belongs to it, and the proof of everything that happened. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, Icon, Page, TimeText, saveBlob } from "~/components";
import { RecordEntry, useRecord, type RecordItem } from "~/record";
import { asApiError, useMe, type ApiError } from "~/session";
import { leadName } from "../people";
import { verifyBundle, visitProof } from "../proof/proofs";
import { RecordingEntry } from "../record/RecordingEntry";
import type { Visit } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";

/** A visit of half an hour has some hundred readings; they are counted, and looked at in their own place. */
const ROWS = 50;

export function After({ visit }: { visit: Visit }) {
  const all = usePatientStrings();
  const words = all.after;
  const { actor } = useMe();
  const isPatient = visit.mine?.role === "patient";
  const list = useRecord(isPatient ? actor : null, {
    what: "documents",
    visit: visit.visit,
    rows: ROWS,
    topics: [`visit/${visit.visit}`],
  });
  const name = leadName(visit, all);
  return (
    <Page
      width="text"
      title={visit.outcome === "completed" ? words.thanks(name) : all.visits.visitWith(name)}
      subtitle={<TimeText at={visit.starts_at ?? visit.opened_at} />}
    >
      {visit.outcome !== null && visit.outcome !== "completed" && (
        <p className={styles.notice}>
          <Icon name="calendar" size={18} />
          <span>{visit.outcome === "cancelled" ? all.visits.cancelled : all.visits.missed}</span>
        </p>
      )}
      {isPatient && visit.outcome === "completed" && (
        <Await view={list} shape="record">
          {() => <Pieces visit={visit} items={list.items} />}
        </Await>
      )}
      <Proof visit={visit} />
    </Page>
  );
}

function Pieces({ visit, items }: { visit: Visit; items: readonly RecordItem[] }) {
  const words = usePatientStrings().after;
  const summary = items.find(({ object, role }) => role === "summary" || object === visit.summary);
  const others = items.filter((item) => item !== summary);
  const within = visit.phase === "closed" ? undefined : visit.visit; // Nothing is added to a list that is closed.
  return (
    <>
      <section className={styles.section}>
        <h2>{words.summary}</h2>
        {summary !== undefined && (
          <RecordEntry item={summary} purpose="patient-request" visit={within} auto initiallyShown />
        )}
        {summary === undefined && (
          <p className={styles.quiet} role="status">
            {visit.phase === "closed" ? words.summaryNone : words.summaryComing}
          </p>
        )}
      </section>
      {others.length > 0 && (
        <section className={styles.section}>
          <h2>{words.files}</h2>
          {others.map((item) =>
            item.role === "recording" ? (
              <RecordingEntry key={item.object} item={item} />
            ) : (
              <RecordEntry key={item.object} item={item} purpose="patient-request" visit={within} auto />
            ),
          )}
        </section>
      )}
    </>
  );
}

function Proof({ visit }: { visit: Visit }) {
  const words = usePatientStrings().after;
  return (
    <section className={styles.section}>
      <h2>{words.proof}</h2>
      <p>{words.proofText}</p>
      <p className={`${styles.quiet} ${styles.steps}`}>{words.steps(visit.entries)}</p>
      {visit.phase === "closed" ? (
        <ProofActions make={() => visitProof(visit.visit)} name={`visit-${visit.visit}.zip`} />
      ) : (
        <p className={styles.quiet} role="status">
          {words.proofLater}
        </p>
      )}
    </section>
  );
}

/** Download a bundle, or hand it to the verifier at once. */
export function ProofActions({ make, name }: { make: () => Promise<Blob>; name: string }) {
  const words = usePatientStrings();
  const [busy, setBusy] = useState<"download" | "verify" | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (what: "download" | "verify") => {
    setBusy(what);
    setError(null);
    try {
      if (what === "verify") await verifyBundle(make);
      else saveBlob(await make(), name);
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setBusy(null);
    }
  };
  return (
    <>
      <div className={styles.row}>
        <Button
          loading={busy === "verify"}
          disabled={busy === "download"}
          leftSection={<Icon name="proof" size={20} />}
          onClick={() => void run("verify")}
        >
          {words.after.verify}
        </Button>
        <Button
          variant="default"
          loading={busy === "download"}
          disabled={busy === "verify"}
          leftSection={<Icon name="download" size={20} />}
          onClick={() => void run("download")}
        >
          {words.after.download}
        </Button>
      </div>
      {error !== null && (
        <p className={styles.refused} role="alert">
          <Icon name="alarm" size={18} />
          <span>{[error.title, error.detail].filter(Boolean).join(". ")}</span>
        </p>
      )}
    </>
  );
}
