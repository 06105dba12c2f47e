/** The second tap before what cannot be undone. Stays open, and says why, when it was refused. */

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useRef, useState, type ReactNode } from "react";
import { asApiError } from "~/session";
import { useStrings } from "~/strings";

interface Props {
  opened: boolean;
  title: string;
  /** The words of the button: what it does. */
  confirm: string;
  danger?: boolean;
  /** There is nothing to confirm yet, such as a text that is still loading. */
  notYet?: boolean;
  onConfirm: () => void | Promise<unknown>;
  onClose: () => void;
  children?: ReactNode;
}

export function Confirm(props: Props) {
  const { opened, title, confirm, danger = false, notYet = false, onConfirm, onClose, children } = props;
  const words = useStrings().confirm;
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState("");
  const asked = useRef(0);
  const close = () => {
    asked.current += 1;
    setBusy(false);
    setRefused("");
    onClose();
  };
  const act = async () => {
    const mine = asked.current;
    setBusy(true);
    setRefused("");
    try {
      await onConfirm();
      // Closed by hand meanwhile, it may be open for something else by now.
      if (mine === asked.current) close();
    } catch (error) {
      if (mine !== asked.current) return;
      setRefused(asApiError(error).message);
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={title}
      closeButtonProps={{ "aria-label": words.close, size: 44, iconSize: 22 }}
    >
      <Stack gap="md">
        {children !== undefined && <div>{children}</div>}
        {refused !== "" && (
          <Text c="var(--t-alarm)" role="alert">
            {refused}
          </Text>
        )}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {words.cancel}
          </Button>
          <Button
            loading={busy}
            disabled={notYet}
            onClick={() => void act()}
            {...(danger ? { color: "red" } : {})}
            data-autofocus
          >
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
