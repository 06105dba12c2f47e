/** Asks whether somebody is still there, before they are signed out. */

import { Button, Group, Modal, Text } from "@mantine/core";
import { usePresence } from "~/session";
import { useStrings } from "~/strings";

/** Read out that often: a reader of the screen that says each second says nothing else. */
const SAID_EVERY_SECONDS = 20;

export function IdleWarning() {
  const { secondsLeft, stay } = usePresence();
  return <IdleDialog secondsLeft={secondsLeft} onStay={stay} />;
}

export function IdleDialog({ secondsLeft, onStay }: { secondsLeft: number | null; onStay: () => void }) {
  const words = useStrings().idle;
  const seconds = secondsLeft ?? 0;
  return (
    <Modal
      opened={secondsLeft !== null}
      onClose={onStay}
      title={words.title}
      withCloseButton={false}
      zIndex={450}
    >
      <Text aria-hidden>{words.text(seconds)}</Text>
      <span className="t-hidden" role="alert">
        {words.text(Math.ceil(seconds / SAID_EVERY_SECONDS) * SAID_EVERY_SECONDS)}
      </span>
      <Group justify="flex-end" mt="lg">
        <Button onClick={onStay} data-autofocus>
          {words.stay}
        </Button>
      </Group>
    </Modal>
  );
}
