/** One person: give and take roles, suspend and restore. Each act takes a second tap, and says who will see it. */

import { Button, Group, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Confirm, CopyText, Icon } from "~/components";
import { useMe } from "~/session";
import { useRoleName } from "~/strings/roles";
import { giveRole, inWords, restore, suspend, takeRole, type PauseReason } from "../acts";
import { State } from "../parts/State";
import styles from "../parts/parts.module.css";
import { actorState, nameOf } from "../parts/words";
import type { PersonLine, RoleGroup } from "../shapes";
import { useAdminStrings } from "../strings";

interface Props {
  person: PersonLine | null;
  groups: readonly RoleGroup[];
  onClose: () => void;
  /** Something was changed: what is shown is old. */
  onChanged: () => void;
}

export function PersonDialog({ person, groups, onClose, onChanged }: Props) {
  const strings = useAdminStrings();
  const t = strings.acts;
  return (
    <Modal
      opened={person !== null}
      onClose={onClose}
      title={person === null ? "" : nameOf(person, strings.kinds)}
      closeButtonProps={{ "aria-label": t.close, size: 44 }}
    >
      {person !== null && (
        <Stack gap="lg">
          <Group gap="sm">
            <State state={actorState(person.state)} />
            <CopyText value={person.id} label={strings.people.id} />
          </Group>
          {person.kind === "person" && <Roles person={person} groups={groups} onChanged={onChanged} />}
          <Standing person={person} onChanged={onChanged} />
          <Text size="sm" c="var(--t-quiet)">
            {t.written}
          </Text>
        </Stack>
      )}
    </Modal>
  );
}

function Roles({
  person,
  groups,
  onChanged,
}: {
  person: PersonLine;
  groups: readonly RoleGroup[];
  onChanged: () => void;
}) {
  const { acts: t, kinds, refusals } = useAdminStrings();
  const called = useRoleName();
  const me = useMe();
  const [asked, setAsked] = useState<{ group: RoleGroup; gives: boolean } | null>(null);
  const [opened, setOpened] = useState(false);
  const isOrganisation = me.kind === "organisation";
  const name = nameOf(person, kinds);
  const act = async () => {
    if (asked === null) return;
    try {
      await (asked.gives ? giveRole : takeRole)(asked.group.group, person.id);
    } catch (error) {
      throw inWords(error, refusals);
    }
    onChanged();
  };
  return (
    <section aria-label={t.roles}>
      <h3 className={styles.part}>{t.roles}</h3>
      {groups.length === 0 && <Text c="var(--t-quiet)">{t.noRoles}</Text>}
      <ul className={styles.lines}>
        {groups.map((group) => {
          const has = group.members.some(({ id }) => id === person.id);
          const mayAct = isOrganisation || (!group.reserved && person.id !== me.actor);
          return (
            <li key={group.group}>
              <span className={styles.state} data-tone={has ? "fine" : "quiet"}>
                <Icon name={has ? "check" : "minus"} size={16} />
                <b className={styles.role}>{called(group.role)}</b> {has ? t.has : t.hasNot}
              </span>
              {mayAct ? (
                <Button
                  variant={has ? "default" : "light"}
                  onClick={() => {
                    setAsked({ group, gives: !has });
                    setOpened(true);
                  }}
                >
                  {has ? t.take(called(group.role)) : t.give(called(group.role))}
                </Button>
              ) : (
                <span className={styles.quiet}>{group.reserved ? t.reserved : t.own}</span>
              )}
            </li>
          );
        })}
      </ul>
      <Confirm
        opened={opened}
        title={
          asked === null
            ? ""
            : asked.gives
              ? t.give(called(asked.group.role))
              : t.take(called(asked.group.role))
        }
        confirm={
          asked === null
            ? ""
            : asked.gives
              ? t.give(called(asked.group.role))
              : t.take(called(asked.group.role))
        }
        onConfirm={act}
        onClose={() => setOpened(false)}
      >
        {asked !== null && (asked.gives ? t.giveText : t.takeText)(name, called(asked.group.role))}
      </Confirm>
    </section>
  );
}

/** Whether somebody acts at all. */
function Standing({ person, onChanged }: { person: PersonLine; onChanged: () => void }) {
  const { acts: t, kinds, refusals } = useAdminStrings();
  const me = useMe();
  // What is asked stays as it was asked, also while the dialogue closes over a person who has changed meanwhile.
  const [asked, setAsked] = useState<"suspend" | "restore">("suspend");
  const [opened, setOpened] = useState(false);
  const [reason, setReason] = useState<PauseReason>("incident");
  const name = nameOf(person, kinds);
  const isPaused = person.state === "paused";
  const restores = asked === "restore";
  if (!["person", "system", "device"].includes(person.kind) || person.state === "retired") return null;
  if (person.state === "suspended") return <Text c="var(--t-quiet)">{t.lost}</Text>;
  if (person.id === me.actor) return null;
  const act = async () => {
    try {
      await (restores ? restore(person.id) : suspend(person.id, reason));
    } catch (error) {
      throw inWords(error, refusals);
    }
    onChanged();
  };
  return (
    <Group gap="sm">
      {isPaused && <Text>{t.paused}</Text>}
      <Button
        variant={isPaused ? "light" : "outline"}
        {...(isPaused ? {} : { color: "red" })}
        onClick={() => {
          setAsked(isPaused ? "restore" : "suspend");
          setOpened(true);
        }}
      >
        {isPaused ? t.restore : t.suspend}
      </Button>
      <Confirm
        opened={opened}
        title={restores ? t.restoreTitle(name) : t.suspendTitle(name)}
        confirm={restores ? t.restore : t.suspend}
        danger={!restores}
        onConfirm={act}
        onClose={() => setOpened(false)}
      >
        <Stack gap="md">
          <Text>{restores ? t.restoreText : t.suspendText}</Text>
          {!restores && (
            <NativeSelect
              label={t.reason}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value as PauseReason)}
              data={Object.entries(t.reasons).map(([value, label]) => ({ value, label }))}
            />
          )}
        </Stack>
      </Confirm>
    </Group>
  );
}
