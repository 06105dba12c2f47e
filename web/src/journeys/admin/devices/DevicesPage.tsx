/** All devices, whose they are, and whether they were heard of; a row opens what can be done. */

import { useState } from "react";
import { Await, DataList, Empty, Page, TimeText, type Column } from "~/components";
import { useWatched } from "../../auditor/watch/useWatch";
import { MoreButton } from "../parts/MoreButton";
import { State } from "../parts/State";
import { useMore } from "../parts/useMore";
import { actorState, nameOf } from "../parts/words";
import type { Device, DevicesAnswer } from "../shapes";
import { useAdminStrings } from "../strings";
import { DeviceDialog } from "./DeviceDialog";

const PATH = "/v1/app/admin/devices";
const QUERY = { rows: 100 };

export function DevicesPage() {
  const t = useAdminStrings().devices;
  const view = useWatched<DevicesAnswer>("administration", PATH, { query: QUERY });
  const more = useMore<DevicesAnswer, Device>({
    path: PATH,
    query: QUERY,
    first: view.data?.after ?? "",
    rowsOf: (answer) => answer.devices,
  });
  const columns = useColumns();
  const [chosen, setChosen] = useState("");
  const rows = [...(view.data?.devices ?? []), ...more.rows];
  return (
    <Page title={t.title}>
      <DeviceDialog
        device={rows.find(({ device }) => device === chosen) ?? null}
        onClose={() => setChosen("")}
        onChanged={() => {
          view.reload();
          more.reload();
        }}
      />
      <Await
        view={view}
        isEmpty={({ devices }) => devices.length === 0}
        empty={<Empty icon="device" title={t.empty} />}
      >
        {() => (
          <>
            <DataList
              caption={t.caption}
              rows={rows}
              rowKey={(one) => one.device}
              columns={columns}
              onRow={({ device }) => setChosen(device)}
            />
            <MoreButton more={more} label={t.more} />
          </>
        )}
      </Await>
    </Page>
  );
}

function useColumns(): Column<Device>[] {
  const strings = useAdminStrings();
  const t = strings.devices;
  return [
    { key: "model", title: t.model, primary: true, render: (one) => one.model },
    { key: "state", title: t.state, render: (one) => <State state={actorState(one.state)} /> },
    { key: "owner", title: t.owner, render: (one) => nameOf(one.owner, strings.kinds) },
    { key: "maker", title: t.maker, render: (one) => one.maker },
    {
      key: "connected",
      title: t.connected,
      render: (one) => (one.connected_at === null ? t.never : <TimeText at={one.connected_at} style="ago" />),
    },
  ];
}
