/** The interfaces to other systems, and what waits for each. */

import { Await, DataList, Empty, Page, type Column } from "~/components";
import { numberText } from "~/strings";
import { useWatched } from "../../auditor/watch/useWatch";
import parts from "../parts/parts.module.css";
import type { Connector, ConnectorsAnswer } from "../shapes";
import { useAdminStrings } from "../strings";
import { ContractTabs } from "./ContractTabs";
import styles from "./contracts.module.css";

const EVERY_MS = 15_000;

export function ConnectorsPage() {
  const strings = useAdminStrings();
  const t = strings.connectors;
  const view = useWatched<ConnectorsAnswer>("administration", "/v1/app/admin/connectors", {
    every_ms: EVERY_MS,
  });
  const columns: Column<Connector>[] = [
    { key: "name", title: t.name, primary: true, render: (one) => one.name },
    { key: "kind", title: t.kind, render: (one) => t.kinds[one.kind] ?? one.kind },
    { key: "waiting", title: t.waiting, numeric: true, render: (one) => numberText(one.waiting, 0) },
    {
      key: "oldest",
      title: t.oldest,
      numeric: true,
      render: (one) => (one.oldest_execution === null ? "–" : `#${numberText(one.oldest_execution, 0)}`),
    },
    { key: "attempts", title: t.attempts, numeric: true, render: (one) => numberText(one.attempts_max, 0) },
  ];
  return (
    <Page title={strings.contracts.title}>
      <ContractTabs here="interfaces" />
      <Await view={view}>
        {({ connectors, triggers_waiting, sends_waiting, dead }) => (
          <>
            <dl className={styles.sums}>
              <Sum name={t.triggers} value={triggers_waiting} />
              <Sum name={t.sends} value={sends_waiting} />
              <Sum name={t.dead} value={dead} isBad />
            </dl>
            {connectors.length === 0 ? (
              <>
                <Empty icon="plug" title={t.empty} />
                <p className={parts.quiet}>{t.emptyHint}</p>
              </>
            ) : (
              <DataList caption={t.caption} rows={connectors} rowKey={(one) => one.name} columns={columns} />
            )}
          </>
        )}
      </Await>
    </Page>
  );
}

function Sum({ name, value, isBad = false }: { name: string; value: number; isBad?: boolean }) {
  return (
    <div className={styles.sum}>
      <dt>{name}</dt>
      <dd className={isBad && value > 0 ? styles.bad : undefined}>{numberText(value, 0)}</dd>
    </div>
  );
}
