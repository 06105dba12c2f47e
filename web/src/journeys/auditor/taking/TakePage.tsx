/** What was chosen, what it is for, and the file: made, signed for, fetched, and handed to the verifier. */

import { Button, Checkbox, TextInput } from "@mantine/core";
import { useState } from "react";
import { Check, Empty, Failure, Icon, Page, TimeText, saveBlob, type CheckState } from "~/components";
import { verifyNow } from "~/journeys/verify/handoff";
import { Link, go, pathOf } from "~/router";
import { asApiError, useMe, type ApiError } from "~/session";
import { bytesText, numberText } from "~/strings";
import type { Row } from "../shapes";
import { useAuditorStrings } from "../strings";
import { useSpeech } from "../words";
import { leave, leaveAll, useChosen } from "./basket";
import { takeAlong, type Step, type Taken } from "./taking";
import styles from "./taking.module.css";

const STEPS: readonly Step[] = ["make", "sign", "fetch"];
const PURPOSE_MAX = 200;

export function TakePage() {
  const t = useAuditorStrings().take;
  const chosen = useChosen();
  const [taken, setTaken] = useState<Taken | null>(null);
  const rows = [...chosen.values()].sort((a, b) => b.position - a.position);
  return (
    <Page title={t.title} subtitle={t.subtitle}>
      <div className={styles.page}>
        {taken !== null && <Ready taken={taken} again={() => setTaken(null)} />}
        {taken === null && rows.length === 0 && (
          <Empty
            icon="list"
            title={t.empty}
            action={<Button onClick={() => go("/auditor")}>{t.toLog}</Button>}
          />
        )}
        {taken === null && rows.length > 0 && (
          <>
            <Making
              rows={rows}
              onTaken={(made) => {
                setTaken(made);
                leaveAll();
              }}
            />
            <ChosenRows rows={rows} />
          </>
        )}
      </div>
    </Page>
  );
}

function Making({ rows, onTaken }: { rows: readonly Row[]; onTaken: (taken: Taken) => void }) {
  const t = useAuditorStrings().take;
  const mayTakeDocuments = useMe().kind === "organisation";
  const [purpose, setPurpose] = useState(t.purposeDefault);
  const [withDocuments, setWithDocuments] = useState(mayTakeDocuments);
  const [wholeRequests, setWholeRequests] = useState(false);
  const { step, error, run } = useTaking(onTaken);
  const start = () =>
    run({
      positions: rows.map((row) => row.position),
      purpose: purpose.trim() || t.purposeDefault,
      withDocuments,
      wholeRequests,
    });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <TextInput
        label={t.purpose}
        description={t.purposeHint}
        value={purpose}
        onChange={(event) => setPurpose(event.currentTarget.value)}
        maxLength={PURPOSE_MAX}
      />
      {mayTakeDocuments && (
        <Checkbox
          label={t.documents}
          description={t.documentsHint}
          checked={withDocuments}
          onChange={(event) => setWithDocuments(event.currentTarget.checked)}
        />
      )}
      <Checkbox
        label={t.whole}
        description={t.wholeHint}
        checked={wholeRequests}
        onChange={(event) => setWholeRequests(event.currentTarget.checked)}
      />
      <div>
        <Button type="submit" loading={step !== null} leftSection={<Icon name="proof" size={18} />}>
          {t.make}
        </Button>
      </div>
      {step !== null && <Progress step={step} />}
      {error !== null && <Refused error={error} retry={start} />}
    </form>
  );
}

function useTaking(onTaken: (taken: Taken) => void) {
  const [step, setStep] = useState<Step | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const run = (wish: Parameters<typeof takeAlong>[0]) => {
    setError(null);
    takeAlong(wish, setStep)
      .then(onTaken)
      .catch((thrown: unknown) => setError(asApiError(thrown)))
      .finally(() => setStep(null));
  };
  return { step, error, run };
}

function Progress({ step }: { step: Step }) {
  const t = useAuditorStrings().take;
  const now = STEPS.indexOf(step);
  const stateOf = (at: number): CheckState => (at < now ? "done" : at === now ? "waiting" : "todo");
  return (
    <div role="status">
      {STEPS.map((one, at) => (
        <Check key={one} state={stateOf(at)} label={t.steps[one]} />
      ))}
    </div>
  );
}

function Refused({ error, retry }: { error: ApiError; retry: () => void }) {
  const t = useAuditorStrings().take;
  if (error.code === "exports-full")
    return (
      <p role="alert" className={styles.full}>
        {t.full}
      </p>
    );
  return <Failure error={error} retry={retry} />;
}

function Ready({ taken: { file, made }, again }: { taken: Taken; again: () => void }) {
  const t = useAuditorStrings().take;
  return (
    <div className={styles.ready} role="status">
      <h2>{t.done(made.entries, bytesText(file.size))}</h2>
      <p className={styles.quiet}>{t.onLedger}</p>
      <div className={styles.actions}>
        <Button onClick={() => verifyNow(file)} leftSection={<Icon name="proof" size={18} />}>
          {t.verify}
        </Button>
        <Button
          variant="default"
          onClick={() => saveBlob(file, `telesphor-${made.share.slice(-6)}.bundle.zip`)}
          leftSection={<Icon name="download" size={18} />}
        >
          {t.save}
        </Button>
        <Button variant="subtle" color="gray" onClick={again}>
          {t.again}
        </Button>
      </div>
    </div>
  );
}

function ChosenRows({ rows }: { rows: readonly Row[] }) {
  const t = useAuditorStrings().take;
  const { who, did } = useSpeech();
  return (
    <section aria-labelledby="chosen">
      <h2 id="chosen">{t.chosen(rows.length)}</h2>
      <ol className={styles.list}>
        {rows.map((row) => (
          <li key={row.position} className={styles.item}>
            <div>
              <Link to={pathOf("auditor", "entries", String(row.position))}>
                {who(row.actor)} {did(row)}
              </Link>
              <div className={styles.quiet}>
                #{numberText(row.position, 0)} · <TimeText at={row.at} />
              </div>
            </div>
            <Button
              variant="subtle"
              color="gray"
              aria-label={t.leave(row.position)}
              onClick={() => leave([row.position])}
            >
              <Icon name="cross" size={18} />
            </Button>
          </li>
        ))}
      </ol>
    </section>
  );
}
