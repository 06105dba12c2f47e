/** Invite somebody new, with roles from the start: ends with the link, which is shown this once. */

import { Button, Checkbox, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Failure } from "~/components";
import type { ApiError } from "~/session";
import { useRoleName } from "~/strings/roles";
import { LinkCard } from "../../clinician/queue/LinkCard";
import type { Invitation } from "../../clinician/visits";
import { invite, inWords } from "../acts";
import type { RoleGroup } from "../shapes";
import { useAdminStrings } from "../strings";

const NAME_MAX = 200;

interface Props {
  opened: boolean;
  /** Groups whose roles may be given. */
  groups: readonly RoleGroup[];
  onClose: () => void;
  onMade: () => void;
}

export function InviteDialog({ opened, groups, onClose, onMade }: Props) {
  const t = useAdminStrings().acts;
  const [made, setMade] = useState<Invitation | null>(null);
  const done = () => {
    setMade(null);
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={done}
      title={made === null ? t.inviteTitle : t.linkTitle}
      closeButtonProps={{ "aria-label": t.close, size: 44 }}
      closeOnClickOutside={made === null}
      closeOnEscape={made === null}
    >
      {made === null ? (
        <Form
          groups={groups}
          onMade={(invitation) => {
            setMade(invitation);
            onMade();
          }}
        />
      ) : (
        <Stack gap="md">
          <Text>{t.once}</Text>
          <LinkCard invitation={made} onDone={done} />
        </Stack>
      )}
    </Modal>
  );
}

function Form({ groups, onMade }: { groups: readonly RoleGroup[]; onMade: (made: Invitation) => void }) {
  const { acts: t, refusals } = useAdminStrings();
  const called = useRoleName();
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [withPasscode, setWithPasscode] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      onMade(await invite({ name, groups: chosen, withPasscode }));
    } catch (error) {
      setFault(inWords(error, refusals));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="md">
        <TextInput
          label={t.name}
          description={t.nameHint}
          value={name}
          maxLength={NAME_MAX}
          autoComplete="off"
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {groups.length === 0 ? (
          <Text c="var(--t-quiet)">{t.noRoles}</Text>
        ) : (
          <Checkbox.Group label={t.withRoles} value={chosen} onChange={setChosen}>
            <Stack gap="xs" mt="xs">
              {groups.map(({ group, role }) => (
                <Checkbox key={group} value={group} label={called(role)} />
              ))}
            </Stack>
          </Checkbox.Group>
        )}
        <Checkbox
          label={t.passcode}
          description={t.passcodeHint}
          checked={withPasscode}
          onChange={(event) => setWithPasscode(event.currentTarget.checked)}
        />
        {fault !== null && <Failure error={fault} />}
        <Button type="submit" loading={busy}>
          {t.makeLink}
        </Button>
      </Stack>
    </form>
  );
}
