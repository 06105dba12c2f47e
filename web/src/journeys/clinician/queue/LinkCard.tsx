/** A link that works once: to copy, or to hand to another app; and the passcode, which goes another way. */

import { Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { CopyText, Icon } from "~/components";
import { useClinicianStrings } from "../strings";
import styles from "../clinician.module.css";
import type { Invitation } from "../visits";

export function LinkCard({ invitation, onDone }: { invitation: Invitation; onDone: () => void }) {
  const words = useClinicianStrings().invite;
  const { link, passcode } = invitation;
  const [isCopied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard.writeText(link).then(() => setCopied(true));
  const share = () => void navigator.share({ url: link }).catch(() => undefined);
  return (
    <Stack gap="md">
      <Text>{words.made}</Text>
      <code className={styles.link}>{link}</code>
      <Group gap="sm">
        <Button leftSection={<Icon name={isCopied ? "check" : "copy"} />} onClick={copy}>
          {isCopied ? words.copied : words.copy}
        </Button>
        {"share" in navigator && (
          <Button variant="default" leftSection={<Icon name="external" />} onClick={share}>
            {words.share}
          </Button>
        )}
      </Group>
      {passcode !== null && (
        <div>
          <Text size="sm" c="var(--t-quiet)">
            {words.passcodeMade}
          </Text>
          <span className={styles.passcode}>
            <CopyText value={passcode} label={words.passcode} />
          </span>
        </div>
      )}
      <Button variant="default" onClick={onDone}>
        {words.done}
      </Button>
    </Stack>
  );
}
