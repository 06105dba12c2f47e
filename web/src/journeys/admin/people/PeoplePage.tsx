/** Everybody who is registered, with their roles and state; a row opens what can be done, and above is the invitation. */

import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { Await, DataList, Empty, Icon, Page, Pill, TimeText, type Column } from "~/components";
import { useMe } from "~/session";
import { useRoleName } from "~/strings/roles";
import { useWatched } from "../../auditor/watch/useWatch";
import { MoreButton } from "../parts/MoreButton";
import { State } from "../parts/State";
import styles from "../parts/parts.module.css";
import { useMore } from "../parts/useMore";
import { actorState, nameOf } from "../parts/words";
import type { PeopleAnswer, PersonLine, RolesAnswer } from "../shapes";
import { useAdminStrings } from "../strings";
import { InviteDialog } from "./InviteDialog";
import { PeopleTabs } from "./PeopleTabs";
import { PersonDialog } from "./PersonDialog";

const KINDS = ["person", "organisation", "system", "device", "node"] as const;
const ROWS = 100;
const PATH = "/v1/app/admin/people";

export function PeoplePage() {
  const strings = useAdminStrings();
  const t = strings.people;
  const [kind, setKind] = useState("person");
  const [sought, setSought] = useState("");
  const query = { kind: kind === "" ? null : kind, rows: ROWS };
  const view = useWatched<PeopleAnswer>("administration", PATH, { query });
  const more = useMore<PeopleAnswer, PersonLine>({
    path: PATH,
    query,
    first: view.data?.after ?? "",
    rowsOf: (answer) => answer.people,
  });
  const roles = useWatched<RolesAnswer>("administration", "/v1/app/admin/roles");
  const groups = roles.data?.groups ?? [];
  const isOrganisation = useMe().kind === "organisation";
  const [chosen, setChosen] = useState("");
  const [isInviting, setInviting] = useState(false);
  const columns = useColumns();
  const reload = () => {
    view.reload();
    more.reload();
    roles.reload();
  };
  const rows = [...(view.data?.people ?? []), ...more.rows].filter((line) =>
    [nameOf(line, strings.kinds), line.id, ...line.roles].some((text) =>
      text.toLowerCase().includes(sought.trim().toLowerCase()),
    ),
  );
  return (
    <Page
      title={t.title}
      actions={
        <Button leftSection={<Icon name="plus" />} onClick={() => setInviting(true)}>
          {strings.acts.invite}
        </Button>
      }
    >
      <PeopleTabs here="people" />
      <InviteDialog
        opened={isInviting}
        groups={groups.filter(({ reserved }) => isOrganisation || !reserved)}
        onClose={() => setInviting(false)}
        onMade={reload}
      />
      <PersonDialog
        person={rows.find(({ id }) => id === chosen) ?? null}
        groups={groups}
        onClose={() => setChosen("")}
        onChanged={reload}
      />
      <div className={styles.filters}>
        <NativeSelect
          label={t.kind}
          value={kind}
          onChange={(event) => setKind(event.currentTarget.value)}
          data={[
            { value: "", label: t.anyKind },
            ...KINDS.map((value) => ({ value, label: strings.kinds[value] })),
          ]}
        />
        <TextInput
          label={t.search}
          value={sought}
          onChange={(event) => setSought(event.currentTarget.value)}
          leftSection={<Icon name="search" size={18} />}
        />
      </div>
      <Await
        view={view}
        isEmpty={({ people }) => people.length === 0}
        empty={<Empty icon="people" title={t.empty} />}
      >
        {() => (
          <>
            {rows.length === 0 && more.after === "" ? (
              <Empty icon="search" title={t.noneFound} />
            ) : (
              <DataList
                caption={t.caption}
                rows={rows}
                rowKey={(line) => line.id}
                columns={columns}
                onRow={({ id }) => setChosen(id)}
              />
            )}
            <MoreButton more={more} label={t.more} />
          </>
        )}
      </Await>
    </Page>
  );
}

function useColumns(): Column<PersonLine>[] {
  const strings = useAdminStrings();
  const t = strings.people;
  const called = useRoleName();
  return [
    { key: "name", title: t.name, primary: true, render: (line) => nameOf(line, strings.kinds) },
    {
      key: "roles",
      title: t.roles,
      render: ({ roles }) =>
        roles.length === 0 ? (
          <span className={styles.quiet}>{t.none}</span>
        ) : (
          <span className={styles.chips}>
            {roles.map((role) => (
              <Pill key={role}>{called(role)}</Pill>
            ))}
          </span>
        ),
    },
    { key: "state", title: t.state, render: (line) => <State state={actorState(line.state)} /> },
    { key: "since", title: t.since, render: (line) => <TimeText at={line.registered_at} style="date" /> },
    { key: "passkeys", title: t.passkeys, numeric: true, render: (line) => line.passkeys },
  ];
}
