/** What the compliance monitor flagged or held back: codes of its rules, never what was written. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, CopyText, DataList, Empty, Page, Pill, TimeText, type Column } from "~/components";
import { Link } from "~/router";
import { api, asApiError, type ApiError } from "~/session";
import { placeOf } from "../log/filter";
import type { Finding, Look } from "../shapes";
import { useAuditorStrings } from "../strings";
import { useWatched, watchNow } from "../watch/useWatch";
import { shortId } from "../words";
import styles from "./findings.module.css";

interface Answer {
  look: Look;
  findings: Finding[];
  before: number | null;
}

const PLACE = "/v1/app/audit/findings";

export function FindingsPage() {
  const t = useAuditorStrings().findings;
  // Asked for once and by a tap: each look is an entry of its own.
  const view = useWatched<Answer>("log", PLACE);
  const older = useOlder(view.data?.before ?? null);
  const columns = useColumns();
  return (
    <Page title={t.title} subtitle={t.subtitle}>
      <Await
        view={view}
        isEmpty={({ findings }) => findings.length === 0}
        empty={<Empty icon="eye" title={t.none} />}
      >
        {({ findings }) => (
          <>
            <DataList
              caption={t.caption}
              rows={[...findings, ...older.findings]}
              rowKey={(one) => `${one.message}/${one.version}`}
              columns={columns}
            />
            {older.before !== null && (
              <Button
                className={styles.more ?? ""}
                variant="default"
                loading={older.busy}
                onClick={older.load}
              >
                {t.more}
              </Button>
            )}
            {older.error !== null && <p role="alert">{older.error.message}</p>}
          </>
        )}
      </Await>
    </Page>
  );
}

function useOlder(first: number | null) {
  const [held, setHeld] = useState<Omit<Answer, "look"> | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const before = held === null ? first : held.before;
  const load = () => {
    setBusy(true);
    setError(null);
    api
      .json<Answer>("GET", PLACE, { query: { watch: watchNow("log"), before } })
      .then((found) =>
        setHeld({ findings: [...(held?.findings ?? []), ...found.findings], before: found.before }),
      )
      .catch((thrown: unknown) => setError(asApiError(thrown)))
      .finally(() => setBusy(false));
  };
  return { findings: held?.findings ?? [], before, busy, error, load };
}

function useColumns(): Column<Finding>[] {
  const t = useAuditorStrings().findings;
  return [
    {
      key: "verdict",
      title: t.verdict,
      primary: true,
      render: (one) => (
        <Pill icon={one.verdict === "hold" ? "pause" : "alarm"} tone="wait">
          {t.verdicts[one.verdict] ?? one.verdict}
        </Pill>
      ),
    },
    {
      key: "what",
      title: t.what,
      render: (one) => one.codes.map((code) => t.codes[code] ?? code).join(", "),
    },
    {
      key: "who",
      title: t.who,
      render: (one) => (
        <Link to={placeOf({ person: one.sender.id, last: "all" })} title={t.seeLog}>
          {one.sender.name ?? shortId(one.sender.id)}
        </Link>
      ),
    },
    { key: "when", title: t.when, render: (one) => <TimeText at={one.at} /> },
    {
      key: "became",
      title: t.became,
      render: (one) => (
        <>
          {t.states[one.state] ?? one.state}
          {one.version > 1 && <> · {t.edit(one.version)}</>}
        </>
      ),
    },
    {
      key: "ids",
      title: t.ids,
      render: (one) => (
        <span className={styles.ids}>
          <CopyText value={one.message} label={t.message} />
        </span>
      ),
    },
  ];
}
