/** Who saw my record, and why: every access about me in words, others first, with the way to take a permission back. */

import { Button, Switch } from "@mantine/core";
import { useMemo, useState } from "react";
import { Await, Empty, Page } from "~/components";
import { Tabs } from "../Tabs";
import { useBlocks } from "../proof/proofs";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { SeenLine } from "./SeenLine";
import { grouped } from "./sentences";
import { useNames } from "./useNames";
import { useSeen } from "./useSeen";

const ROWS = 30;

export function SeenPlace() {
  const all = usePatientStrings();
  const words = all.seen;
  const [own, setOwn] = useState(false);
  const list = useSeen({ count: ROWS, own });
  const names = useNames();
  const blocks = useBlocks();
  const groups = useMemo(() => grouped(list.data ?? [], names.sortOf), [list.data, names.sortOf]);
  return (
    <Page title={words.title} subtitle={words.subtitle} width="text">
      <PrivacyTabs />
      <Switch
        mb="md"
        size="md"
        label={words.own}
        checked={own}
        onChange={(event) => setOwn(event.currentTarget.checked)}
      />
      <Await
        view={list}
        empty={<Empty icon="eye" title={`${words.none} ${words.noneHint}`} />}
        isEmpty={(rows) => rows.length === 0 && list.more === null}
      >
        {() => (
          <>
            <ul className={styles.seenList}>
              {groups.map((group) => (
                <SeenLine
                  key={group.rows[0]?.position}
                  group={group}
                  names={names}
                  blocks={blocks}
                  onChanged={list.reload}
                />
              ))}
            </ul>
            {list.more !== null && (
              <Button variant="default" mt="lg" loading={list.loadingMore} onClick={list.more}>
                {words.more}
              </Button>
            )}
          </>
        )}
      </Await>
    </Page>
  );
}

export function PrivacyTabs() {
  const words = usePatientStrings();
  return (
    <Tabs
      label={words.menu.privacy}
      items={[
        { to: "/patient/permissions", label: words.privacy.tabs.permissions },
        { to: "/patient/seen", label: words.privacy.tabs.seen },
        { to: "/patient/factors", label: words.privacy.tabs.factors },
        { to: "/patient/proof", label: words.privacy.tabs.proof },
      ]}
    />
  );
}
