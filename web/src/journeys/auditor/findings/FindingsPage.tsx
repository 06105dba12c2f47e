/** What the compliance monitor flagged or held back: codes of its rules, never what was written. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, CopyText, DataList, Empty, Icon, Page, TimeText, type Column } from "~/components";
import { Link } from "~/router";
import { api, asApiError, useView, type ApiError } from "~/session";
import { placeOf } from "../log/filter";
import type { Finding } from "../shapes";
import { useAuditorStrings } from "../strings";
import { shortId } from "../words";
import styles from "./findings.module.css";

interface Answer {
  findings: Finding[];
  after: number | null;
}

/** Messages are judged within a second of being sent; findings are rare. */
const EVERY_MS = 15_000;

export function FindingsPage() {
  const t = useAuditorStrings().findings;
  const view = useView<Answer>("/v1/app/monitor/findings", { every_ms: EVERY_MS });
  const older = useOlder(view.data?.after ?? null);
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
            {older.after !== null && (
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
  const [held, setHeld] = useState<{ findings: Finding[]; after: number | null } | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const after = held === null ? first : held.after;
  const load = () => {
    setBusy(true);
    setError(null);
    api
      .json<Answer>("GET", "/v1/app/monitor/findings", { query: { after } })
      .then((found) =>
        setHeld({ findings: [...(held?.findings ?? []), ...found.findings], after: found.after }),
      )
      .catch((thrown: unknown) => setError(asApiError(thrown)))
      .finally(() => setBusy(false));
  };
  return { findings: held?.findings ?? [], after, busy, error, load };
}

function useColumns(): Column<Finding>[] {
  const t = useAuditorStrings().findings;
  return [
    {
      key: "verdict",
      title: t.verdict,
      primary: true,
      render: (one) => (
        <span className={styles.verdict}>
          <Icon name={one.verdict === "hold" ? "pause" : "alarm"} size={16} />
          {t.verdicts[one.verdict] ?? one.verdict}
        </span>
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
        <Link to={placeOf({ person: one.sender, last: "all" })} title={t.seeLog}>
          {one.sender_name ?? shortId(one.sender)}
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
