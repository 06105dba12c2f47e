/** A new visit: with whom and when; for somebody new it ends with the link to send. */

import { Button, Checkbox, Modal, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Failure } from "~/components";
import { go, pathOf } from "~/router";
import { asApiError, useMe, useView, type ApiError } from "~/session";
import { useStrings } from "~/strings";
import { patientsIn } from "../patients/known";
import type { VisitList } from "../shapes";
import { useClinicianStrings } from "../strings";
import { schedule, type Invitation } from "../visits";
import { LinkCard } from "./LinkCard";

const NAME_MAX = 200;
const MINUTES = [15, 20, 30, 45, 60];

export function NewVisitDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const words = useClinicianStrings().newVisit;
  const { close } = useStrings().confirm;
  const [made, setMade] = useState<Invitation | null>(null);
  // Another place draws the page anew, and this dialog with it: so it goes there once the link was seen.
  const leave = (visit: string) => {
    setMade(null);
    onClose();
    go(pathOf("clinician", "visits", visit));
  };
  const done = () => (made === null ? onClose() : leave(made.visit));
  return (
    <Modal
      opened={opened}
      onClose={done}
      title={made === null ? words.title : words.linkTitle}
      closeButtonProps={{ "aria-label": close, size: 44 }}
    >
      {made === null ? (
        <Form
          onMade={(invitation) => {
            if (invitation.link === "") leave(invitation.visit);
            else setMade(invitation);
          }}
        />
      ) : (
        <LinkCard invitation={made} onDone={done} />
      )}
    </Modal>
  );
}

function Form({ onMade }: { onMade: (invitation: Invitation) => void }) {
  const strings = useClinicianStrings();
  const words = strings.newVisit;
  const { actor } = useMe();
  const past = useView<VisitList>("/v1/app/visits", { query: { which: "past" } });
  const upcoming = useView<VisitList>("/v1/app/visits", { query: { which: "upcoming" } });
  const known = patientsIn([...(upcoming.data?.visits ?? []), ...(past.data?.visits ?? [])]);
  const [patient, setPatient] = useState("");
  const [name, setName] = useState("");
  const [at, setAt] = useState(() => localText(new Date()));
  const [minutes, setMinutes] = useState(20);
  const [withPasscode, setWithPasscode] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const startsAt = new Date(at);
    if (Number.isNaN(startsAt.getTime())) return;
    setBusy(true);
    setFault(null);
    try {
      onMade(await schedule(actor, { startsAt, minutes, patient: patient || null, name, withPasscode }));
    } catch (error) {
      setFault(asApiError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="md">
        <NativeSelect
          label={words.patient}
          value={patient}
          onChange={(event) => setPatient(event.currentTarget.value)}
          data={[
            { value: "", label: words.somebodyNew },
            ...known.map((one) => ({ value: one.actor, label: one.name ?? strings.unnamed })),
          ]}
        />
        {patient === "" && (
          <TextInput
            label={words.name}
            description={words.nameHint}
            value={name}
            maxLength={NAME_MAX}
            autoComplete="off"
            onChange={(event) => setName(event.currentTarget.value)}
          />
        )}
        <TextInput
          type="datetime-local"
          label={words.at}
          value={at}
          onChange={(event) => setAt(event.currentTarget.value)}
          required
        />
        <NativeSelect
          label={words.minutes}
          value={String(minutes)}
          onChange={(event) => setMinutes(Number(event.currentTarget.value))}
          data={MINUTES.map((one) => ({ value: String(one), label: words.minutesOf(one) }))}
        />
        {patient === "" && (
          <Checkbox
            label={words.passcode}
            description={words.passcodeHint}
            checked={withPasscode}
            onChange={(event) => setWithPasscode(event.currentTarget.checked)}
          />
        )}
        {fault !== null && <Failure error={fault} />}
        <Button type="submit" loading={busy}>
          {patient === "" ? words.makeLink : words.make}
        </Button>
      </Stack>
    </form>
  );
}

/** What a field for local date and time takes. */
function localText(at: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
