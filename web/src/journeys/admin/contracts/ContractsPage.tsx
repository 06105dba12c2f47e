/** All contracts and how they do. */

import { Await, DataList, Empty, Icon, Page, TimeText, type Column } from "~/components";
import { go, pathOf } from "~/router";
import { numberText } from "~/strings";
import { useWatched } from "../../auditor/watch/useWatch";
import { State } from "../parts/State";
import { nameOf } from "../parts/words";
import type { ContractLine, ContractsAnswer, Run } from "../shapes";
import { useAdminStrings } from "../strings";
import { ContractTabs } from "./ContractTabs";
import styles from "./contracts.module.css";

const EVERY_MS = 30_000;

export function ContractsPage() {
  const t = useAdminStrings().contracts;
  const view = useWatched<ContractsAnswer>("administration", "/v1/app/admin/contracts", {
    every_ms: EVERY_MS,
  });
  const columns = useColumns();
  return (
    <Page title={t.title}>
      <ContractTabs here="contracts" />
      <Await
        view={view}
        isEmpty={({ contracts }) => contracts.length === 0}
        empty={<Empty icon="code" title={t.empty} action={<p>{t.emptyHint}</p>} />}
      >
        {({ contracts }) => (
          <DataList
            caption={t.caption}
            rows={contracts}
            rowKey={(one) => one.contract}
            columns={columns}
            onRow={(one) => go(pathOf("admin", "contracts", one.contract))}
          />
        )}
      </Await>
    </Page>
  );
}

function useColumns(): Column<ContractLine>[] {
  const strings = useAdminStrings();
  const t = strings.contracts;
  const count = (title: string, of: (one: ContractLine) => number, isBad: boolean): Column<ContractLine> => ({
    key: title,
    title,
    numeric: true,
    render: (one) => (
      <span className={isBad && of(one) > 0 ? styles.bad : undefined}>{numberText(of(one), 0)}</span>
    ),
  });
  return [
    { key: "name", title: t.name, primary: true, render: (one) => `${one.name}, ${t.version(one.version)}` },
    { key: "state", title: t.state, render: (one) => <State state={one.state} /> },
    { key: "by", title: t.deployedBy, render: (one) => nameOf(one.deployed_by, strings.kinds) },
    count(t.runs, (one) => one.runs, false),
    count(t.failed, (one) => one.failed, true),
    count(t.dead, (one) => one.dead, true),
    count(t.alerts, (one) => one.alerts, true),
    {
      key: "last",
      title: t.last,
      render: ({ last }) => (last === null ? t.neverRan : <RunOutcome run={last} withTime />),
    },
  ];
}

export function RunOutcome({ run, withTime = false }: { run: Run; withTime?: boolean }) {
  const t = useAdminStrings().contracts;
  return (
    <span className={styles.run} data-outcome={run.outcome}>
      <Icon name={run.outcome === "executed" ? "check" : "cross"} size={16} />
      <span>
        {t.outcomes[run.outcome]}
        {run.cause !== "" && run.cause !== "failed" && `: ${run.cause.replaceAll("-", " ")}`}
        {withTime && (
          <>
            {", "}
            <TimeText at={run.at} style="ago" />
          </>
        )}
      </span>
    </span>
  );
}
