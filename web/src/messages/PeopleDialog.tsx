/** Who is in a conversation, the monitor among them; adding somebody, and removing. */

import { Button, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Confirm, Icon } from "~/components";
import { asApiError, command, useMe } from "~/session";
import { useStrings } from "~/strings";
import styles from "./messages.module.css";
import { useKnown } from "./people";
import { useMessageStrings } from "./strings";
import type { Member, Side, ThreadView } from "./types";

interface Props {
  thread: ThreadView;
  role: Side;
  opened: boolean;
  onClose: () => void;
}

export function PeopleDialog({ thread, opened, onClose }: Props) {
  const words = useMessageStrings();
  const roles: Record<string, string> = words.roles;
  const { close } = useStrings().confirm;
  const { actor } = useMe();
  const [removed, setRemoved] = useState<Member | null>(null);
  const name = removed?.name ?? words.nobody;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={words.peopleTitle}
      closeButtonProps={{ "aria-label": close, size: 44 }}
    >
      <Stack gap="md">
        <ul className={styles.people}>
          {thread.members.map((one) => (
            <li key={one.actor}>
              <Icon name="person" size={18} />
              <span>
                <strong>{one.actor === actor ? words.you : (one.name ?? words.nobody)}</strong>
                <span className={styles.quiet}>{roles[one.role] ?? one.role}</span>
              </span>
              {thread.removes && one.actor !== actor && (
                <Button
                  variant="default"
                  className={styles.removes ?? ""}
                  aria-label={words.removeWhom(one.name ?? words.nobody)}
                  onClick={() => setRemoved(one)}
                >
                  {words.remove}
                </Button>
              )}
            </li>
          ))}
          {thread.monitor !== null && (
            <li>
              <Icon name="shield" size={18} />
              <span>
                <strong>{words.monitor}</strong>
                <span className={styles.quiet}>
                  {words.readsAlong[thread.monitor.mode](words.monitor)} {words.opensFiles}
                </span>
              </span>
            </li>
          )}
        </ul>
        {thread.state === "open" && <Add thread={thread} />}
      </Stack>
      <Confirm
        opened={removed !== null}
        title={words.removeWhom(name)}
        confirm={words.remove}
        danger
        onConfirm={() => command("thread.remove/1", { thread: thread.thread, actor: removed?.actor ?? "" })}
        onClose={() => setRemoved(null)}
      >
        {words.removeText(name)}
      </Confirm>
    </Modal>
  );
}

function Add({ thread }: { thread: ThreadView }) {
  const words = useMessageStrings();
  const inside = new Set(thread.members.map(({ actor }) => actor));
  const known = useKnown(undefined).filter(({ actor, name }) => !inside.has(actor) && name !== null);
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const add = async () => {
    const person = known.find(({ actor }) => actor === chosen);
    if (person === undefined) return;
    setBusy(true);
    setFault("");
    try {
      const { actor, role } = person;
      await command("thread.add/1", { thread: thread.thread, actor, role });
      setChosen("");
    } catch (error) {
      setFault(asApiError(error).message);
    } finally {
      setBusy(false);
    }
  };
  if (known.length === 0)
    return (
      <Text size="sm" c="var(--t-quiet)">
        {words.nobodyToAdd}
      </Text>
    );
  return (
    <Stack gap="sm">
      <NativeSelect
        label={words.addWhom}
        description={words.addNote}
        value={chosen}
        onChange={(event) => setChosen(event.currentTarget.value)}
        data={[
          { value: "", label: "–" },
          ...known.map(({ actor, name }) => ({ value: actor, label: name ?? "" })),
        ]}
        error={fault || undefined}
      />
      <Button loading={busy} disabled={chosen === ""} onClick={() => void add()}>
        {words.add}
      </Button>
    </Stack>
  );
}
