/** One contract: its last runs to look at and to read, what it gave up, and its alerts. */

import { Await, CopyText, DataList, Empty, Icon, Page, TimeText, type Column } from "~/components";
import { Link } from "~/router";
import { numberText } from "~/strings";
import { useWatched } from "../../auditor/watch/useWatch";
import { State } from "../parts/State";
import parts from "../parts/parts.module.css";
import { nameOf } from "../parts/words";
import type { ContractAnswer, Run } from "../shapes";
import { useAdminStrings } from "../strings";
import { RunOutcome } from "./ContractsPage";
import styles from "./contracts.module.css";

export function ContractPage({ contract }: { contract: string }) {
  const t = useAdminStrings().contracts;
  const view = useWatched<ContractAnswer>(
    "administration",
    `/v1/app/admin/contracts/${encodeURIComponent(contract)}`,
  );
  const line = view.data?.contract;
  return (
    <Page
      title={line?.name ?? t.title}
      {...(line === undefined ? {} : { subtitle: <Subtitle line={line} /> })}
      actions={
        <Link to="/admin/contracts" className={styles.back ?? ""}>
          <Icon name="back" size={18} />
          {t.back}
        </Link>
      }
    >
      <Await view={view}>
        {(answer) => (
          <div className={parts.page}>
            <Runs runs={answer.runs} />
            {answer.dead.length > 0 && <Dead dead={answer.dead} />}
            <Alerts alerts={answer.alerts} />
            <CopyText value={answer.contract.contract} label={t.name} />
          </div>
        )}
      </Await>
    </Page>
  );
}

function Subtitle({ line }: { line: ContractAnswer["contract"] }) {
  const strings = useAdminStrings();
  return (
    <>
      {strings.contracts.version(line.version)} · <State state={line.state} /> ·{" "}
      {nameOf(line.deployed_by, strings.kinds)}
    </>
  );
}

function Runs({ runs }: { runs: readonly Run[] }) {
  const t = useAdminStrings().contracts;
  if (runs.length === 0) return <Empty icon="code" title={t.noRuns} />;
  const failed = runs.filter((run) => run.outcome === "failed").length;
  const columns: Column<Run>[] = [
    { key: "when", title: t.when, primary: true, render: (run) => <TimeText at={run.at} /> },
    { key: "outcome", title: t.outcome, render: (run) => <RunOutcome run={run} /> },
    { key: "trigger", title: t.trigger, render: (run) => <Trigger trigger={run.trigger} /> },
    { key: "position", title: t.position, numeric: true, render: (run) => `#${numberText(run.position, 0)}` },
  ];
  return (
    <section>
      <h2>{t.lastRuns(runs.length)}</h2>
      <div className={styles.strip} role="img" aria-label={t.strip(runs.length - failed, failed)}>
        {[...runs].reverse().map((run) => (
          <span key={run.position} className={styles.cell} data-outcome={run.outcome} />
        ))}
      </div>
      <p className={parts.quiet}>{t.strip(runs.length - failed, failed)}</p>
      <DataList
        caption={t.lastRuns(runs.length)}
        rows={runs}
        rowKey={(run) => run.position}
        columns={columns}
      />
    </section>
  );
}

/** `call:<id>`: what kind of thing it was, and the end of its id. */
function Trigger({ trigger }: { trigger: string }) {
  const [kind = "", id = ""] = trigger.split(":");
  return (
    <span title={trigger}>
      {kind} {id.length > 12 ? <code className={parts.mono}>…{id.slice(-6)}</code> : id}
    </span>
  );
}

function Dead({ dead }: { dead: ContractAnswer["dead"] }) {
  const t = useAdminStrings().contracts;
  return (
    <section>
      <h2>{t.deadTitle}</h2>
      <ul className={styles.plain}>
        {dead.map((one) => (
          <li key={`${one.execution}/${one.index}`}>
            {t.deadOf(numberText(one.execution, 0), one.index)}:{" "}
            <code className={parts.mono}>{one.code}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

type Alert = ContractAnswer["alerts"][number];

function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  const strings = useAdminStrings();
  const t = strings.contracts;
  const columns: Column<Alert>[] = [
    { key: "code", title: t.code, primary: true, render: (one) => one.code.replaceAll("-", " ") },
    { key: "level", title: t.level, render: (one) => one.level },
    { key: "raised", title: t.raised, render: (one) => <TimeText at={one.raised_at} /> },
    {
      key: "acknowledged",
      title: t.acknowledged,
      render: (one) =>
        one.acknowledged_by === null ? (
          <span className={styles.bad}>{t.notYet}</span>
        ) : (
          <>
            {nameOf(one.acknowledged_by, strings.kinds)}, <TimeText at={one.acknowledged_at} />
          </>
        ),
    },
  ];
  return (
    <section>
      <h2>{t.alertsTitle}</h2>
      {alerts.length === 0 ? (
        <p className={parts.quiet}>{t.noAlerts}</p>
      ) : (
        <DataList caption={t.alertsTitle} rows={alerts} rowKey={(one) => one.alert} columns={columns} />
      )}
    </section>
  );
}
