/** Invites somebody to a visit that is there: an interpreter, a caregiver, a colleague, or the patient once more. */

import { Button, Checkbox, Modal, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Failure } from "~/components";
import { asApiError, type ApiError } from "~/session";
import { useStrings } from "~/strings";
import { LinkCard } from "../queue/LinkCard";
import { patientOf, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { invite, type Invitation, type Invited } from "../visits";

const NAME_MAX = 200;

export function InviteDialog({
  visit,
  opened,
  onClose,
}: {
  visit: Visit;
  opened: boolean;
  onClose: () => void;
}) {
  const words = useClinicianStrings().invite;
  const { close } = useStrings().confirm;
  const [made, setMade] = useState<Invitation | null>(null);
  const done = () => {
    setMade(null);
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={done}
      title={words.title}
      closeButtonProps={{ "aria-label": close, size: 44 }}
    >
      {made === null ? <Form visit={visit} onMade={setMade} /> : <LinkCard invitation={made} onDone={done} />}
    </Modal>
  );
}

function Form({ visit, onMade }: { visit: Visit; onMade: (made: Invitation) => void }) {
  const strings = useClinicianStrings();
  const words = strings.invite;
  const [role, setRole] = useState<Invited["role"]>("interpreter");
  const [name, setName] = useState("");
  const [withPasscode, setWithPasscode] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const needsSharing = role !== "colleague" && patientOf(visit)?.consents.sharing == null;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      onMade(await invite(visit.visit, { name, role, withPasscode }));
    } catch (error) {
      setFault(asApiError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="md">
        <SegmentedControl
          fullWidth
          aria-label={words.role}
          value={role}
          onChange={(value) => setRole(value as Invited["role"])}
          data={(["interpreter", "caregiver", "colleague"] as const).map((value) => ({
            value,
            label: strings.people.roles[value],
          }))}
        />
        {needsSharing && (
          <Text size="sm" c="var(--t-quiet)">
            {words.needsSharing}
          </Text>
        )}
        <TextInput
          label={words.name}
          value={name}
          maxLength={NAME_MAX}
          autoComplete="off"
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Checkbox
          label={strings.newVisit.passcode}
          description={strings.newVisit.passcodeHint}
          checked={withPasscode}
          onChange={(event) => setWithPasscode(event.currentTarget.checked)}
        />
        {fault !== null && <Failure error={fault} />}
        <Button type="submit" loading={busy}>
          {words.make}
        </Button>
      </Stack>
    </form>
  );
}
