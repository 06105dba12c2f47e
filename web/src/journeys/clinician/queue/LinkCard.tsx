/** A link that works once: to copy, or to hand to another app; and the passcode, which goes another way. */

import { Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { ByHand, CopyText, Icon, useCopy } from "~/components";
import { useClinicianStrings } from "../strings";
import styles from "../clinician.module.css";
import { nameInvited, type Invitation, type Unnamed } from "../visits";

export function LinkCard({ invitation, onDone }: { invitation: Invitation; onDone: () => void }) {
  const words = useClinicianStrings().invite;
  const { link, passcode } = invitation;
  const { state, copy } = useCopy(link);
  const share = () => void navigator.share({ url: link }).catch(() => undefined); // Called off: the link is still here.
  return (
    <Stack gap="md">
      <Text>{words.made}</Text>
      {state === "refused" ? (
        <ByHand value={link} label={words.link} />
      ) : (
        <code className={styles.link}>{link}</code>
      )}
      <Group gap="sm">
        <Button leftSection={<Icon name={state === "copied" ? "check" : "copy"} />} onClick={copy}>
          {state === "copied" ? words.copied : words.copy}
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
      {invitation.unnamed !== null && <NameAgain unnamed={invitation.unnamed} />}
      <Button variant="default" onClick={onDone}>
        {words.done}
      </Button>
    </Stack>
  );
}

/** The link is out and its person's name was not kept: said, and tried again for as long as this is open. */
function NameAgain({ unnamed }: { unnamed: Unnamed }) {
  const words = useClinicianStrings().invite;
  const [left, setLeft] = useState<Unnamed | null>(unnamed);
  const [busy, setBusy] = useState(false);
  const again = async () => {
    setBusy(true);
    setLeft(await nameInvited(unnamed));
    setBusy(false);
  };
  if (left === null) return <Text role="status">{words.named(unnamed.name)}</Text>;
  return (
    <div role="alert">
      <Text c="var(--t-alarm)">{words.unnamed(left.name, left.error.message)}</Text>
      <Button mt="xs" variant="default" loading={busy} onClick={() => void again()}>
        {words.nameAgain}
      </Button>
    </div>
  );
}
