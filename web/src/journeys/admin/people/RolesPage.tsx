/** Each role that somebody has, and who has it now: by a group, or by a grant. */

import { Await, Empty, Page, Pill } from "~/components";
import { useRoleName } from "~/strings/roles";
import { useWatched } from "../../auditor/watch/useWatch";
import styles from "../parts/parts.module.css";
import { nameOf } from "../parts/words";
import type { RolesAnswer } from "../shapes";
import { useAdminStrings } from "../strings";
import { PeopleTabs } from "./PeopleTabs";

export function RolesPage() {
  const strings = useAdminStrings();
  const t = strings.people;
  const called = useRoleName();
  const view = useWatched<RolesAnswer>("administration", "/v1/app/admin/roles");
  return (
    <Page title={t.title}>
      <PeopleTabs here="roles" />
      <Await
        view={view}
        isEmpty={({ roles }) => roles.length === 0}
        empty={<Empty icon="people" title={t.nobody} />}
      >
        {({ roles }) => (
          <dl className={styles.roles}>
            {roles.map(({ role, people }) => (
              <div key={role}>
                <dt>
                  <span className={styles.role}>{called(role)}</span>
                  <div className={styles.count}>{t.holders(people.length)}</div>
                </dt>
                <dd>
                  {people.map((person) => (
                    <Pill key={person.id} title={person.id}>
                      {nameOf(person, strings.kinds)}
                    </Pill>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        )}
      </Await>
    </Page>
  );
}
