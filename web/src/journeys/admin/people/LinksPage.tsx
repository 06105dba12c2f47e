/** Links that were made and not used yet; whoever made one can take it back. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, Confirm, DataList, Empty, Page, TimeText, type Column } from "~/components";
import { useMe } from "~/session";
import { useRoleName } from "~/strings/roles";
import { useWatched } from "../../auditor/watch/useWatch";
import { inWords, withdraw } from "../acts";
import { MoreButton } from "../parts/MoreButton";
import styles from "../parts/parts.module.css";
import { useMore } from "../parts/useMore";
import { nameOf } from "../parts/words";
import type { InvitationLine, InvitationsAnswer } from "../shapes";
import { useAdminStrings } from "../strings";
import { PeopleTabs } from "./PeopleTabs";

const PATH = "/v1/app/admin/invitations";
const QUERY = { rows: 100 };

export function LinksPage() {
  const strings = useAdminStrings();
  const t = strings.acts;
  const called = useRoleName();
  const me = useMe();
  const [chosen, setChosen] = useState<InvitationLine | null>(null);
  const view = useWatched<InvitationsAnswer>("administration", PATH, { query: QUERY });
  const more = useMore<InvitationsAnswer, InvitationLine>({
    path: PATH,
    query: QUERY,
    first: view.data?.after ?? "",
    rowsOf: (answer) => answer.invitations,
  });
  const columns: Column<InvitationLine>[] = [
    {
      key: "name",
      title: strings.people.name,
      primary: true,
      render: ({ invited }) => nameOf(invited, strings.kinds),
    },
    { key: "roles", title: strings.people.roles, render: ({ roles }) => roles.map(called).join(", ") || "–" },
    { key: "by", title: t.invitedBy, render: ({ inviter }) => nameOf(inviter, strings.kinds) },
    { key: "until", title: t.until, render: (line) => <TimeText at={line.expires_at} /> },
    {
      key: "act",
      title: "",
      render: (line) =>
        line.inviter.id === me.actor || me.kind === "organisation" ? (
          <Button variant="default" onClick={() => setChosen(line)}>
            {t.withdraw}
          </Button>
        ) : null,
    },
  ];
  const act = async () => {
    if (chosen === null) return;
    try {
      await withdraw(chosen.invitation);
    } catch (error) {
      throw inWords(error, strings.refusals);
    }
    view.reload();
    more.reload();
  };
  return (
    <Page title={strings.people.title}>
      <PeopleTabs here="links" />
      <Await
        view={view}
        isEmpty={({ invitations }) => invitations.length === 0}
        empty={<Empty icon="link" title={t.noLinks} />}
      >
        {({ invitations }) => (
          <div className={styles.page}>
            <DataList
              caption={t.linksCaption}
              rows={[...invitations, ...more.rows]}
              rowKey={(line) => line.invitation}
              columns={columns}
            />
            <MoreButton more={more} label={strings.people.more} />
          </div>
        )}
      </Await>
      <Confirm
        opened={chosen !== null}
        title={t.withdrawTitle}
        confirm={t.withdraw}
        danger
        onConfirm={act}
        onClose={() => setChosen(null)}
      >
        {t.withdrawText}
      </Confirm>
    </Page>
  );
}
