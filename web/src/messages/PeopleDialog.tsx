/** Who is in a conversation, the monitor among them, and adding somebody. */

import { Button, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Icon } from "~/components";
import { asApiError, command, useMe } from "~/session";
import { useStrings } from "~/strings";
import styles from "./messages.module.css";
import { useKnown } from "./people";
import { useMessageStrings } from "./strings";
import type { Side, ThreadView } from "./types";

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
            </li>
          ))}
          {thread.monitor !== null && (
            <li>
              <Icon name="shield" size={18} />
              <span>
                <strong>{words.monitor}</strong>
                <span className={styles.quiet}>{words.readsAlong[thread.monitor.mode](words.monitor)}</span>
              </span>
            </li>
          )}
        </ul>
        {thread.state === "open" && <Add thread={thread} />}
      </Stack>
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
