/** My record: every sealed piece about me, opened here, each with its seal and who else can see it. */

import { Button } from "@mantine/core";
import { Await, Empty, Page } from "~/components";
import { RecordEntry, useRecord } from "~/record";
import { useMe } from "~/session";
import { Tabs } from "../Tabs";
import { usePatientStrings } from "../strings";
import { RecordingEntry } from "./RecordingEntry";

const ROWS = 20;

export function Record() {
  const words = usePatientStrings().record;
  const { actor } = useMe();
  const list = useRecord(actor, { what: "documents", rows: ROWS });
  return (
    <Page title={words.title} subtitle={words.subtitle} width="text">
      <RecordTabs />
      <Await
        view={list}
        shape="record"
        isEmpty={({ items }) => items.length === 0}
        empty={<Empty icon="document" title={words.none} />}
      >
        {() => (
          <>
            {list.items.map((item) =>
              item.role === "recording" ? (
                <RecordingEntry key={item.object} item={item} />
              ) : (
                <RecordEntry key={item.object} item={item} purpose="patient-request" auto level={2} />
              ),
            )}
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

export function RecordTabs() {
  const words = usePatientStrings();
  return (
    <Tabs
      label={words.record.title}
      items={[
        { to: "/patient/record", label: words.record.tabs.documents },
        { to: "/patient/devices", label: words.record.tabs.devices },
      ]}
    />
  );
}
