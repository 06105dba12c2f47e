/** What is missing before the visit, as a list of checks; identity is confirmed right here. */

import { Button, Checkbox, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Check, Failure, TimeText, type CheckState } from "~/components";
import { ShownIdentity } from "~/factors/ui/lazily";
import { asApiError, type ApiError } from "~/session";
import { useStrings } from "~/strings";
import styles from "../clinician.module.css";
import { isThird, patientOf, presentSeats, type Given, type Seat, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { confirmIdentity } from "../visits";

export function VisitChecks({ visit, onChange }: { visit: Visit; onChange: () => void }) {
  const words = useClinicianStrings().checks;
  const [isAsked, setAsked] = useState(false);
  const patient = patientOf(visit);
  if (patient === undefined) return null;
  const { consents, identity, checks } = patient;
  const isHere = checks !== null && patient.state !== "expected";
  const bad = ["camera", "microphone"].filter((one) => visit.missing.includes(one));
  return (
    <div className={styles.checks}>
      <Check
        state={!isHere ? "waiting" : bad.length > 0 ? "failed" : "done"}
        label={words.checkIn}
        detail={!isHere ? words.notYet : <Devices seat={patient} />}
      />
      <ConsentCheck label={words.consentVisit} given={consents.visit} needed />
      <Check
        state={identity === null ? "todo" : "done"}
        label={words.identity}
        detail={
          identity === null ? (
            <>
              {words.identityMissing}
              <div>
                <Button variant="default" mt="xs" onClick={() => setAsked(true)}>
                  {words.confirmIdentity}
                </Button>
              </div>
            </>
          ) : (
            <>
              {words.identities[identity]}
              {patient.presentation !== null && <ShownIdentity presentation={patient.presentation} />}
            </>
          )
        }
      />
      {presentSeats(visit).some(isThird) && (
        <ConsentCheck label={words.consentSharing} given={consents.sharing} needed />
      )}
      <ConsentCheck label={words.consentRecording} given={consents.recording} />
      <IdentityDialog
        seat={patient}
        visit={visit.visit}
        opened={isAsked}
        onClose={() => setAsked(false)}
        onDone={onChange}
      />
    </div>
  );
}

function ConsentCheck({
  label,
  given,
  needed = false,
}: {
  label: string;
  given: Given | null;
  needed?: boolean;
}) {
  const words = useClinicianStrings().checks;
  const state: CheckState = given !== null ? "done" : needed ? "waiting" : "todo";
  return (
    <Check
      state={state}
      label={label}
      detail={
        given === null ? (
          needed ? (
            words.notYet
          ) : (
            words.notRecorded
          )
        ) : (
          <>
            {words.given} <TimeText at={given.at} />
          </>
        )
      }
    />
  );
}

function Devices({ seat }: { seat: Seat }) {
  const words = useClinicianStrings().checks;
  const results: Record<string, string> = words.results;
  const { checks } = seat;
  if (checks === null) return null;
  return (["camera", "microphone", "speaker", "network"] as const)
    .map((one) => `${words.devices[one]} ${results[checks[one]] ?? checks[one]}`)
    .join(" · ");
}

const IDENTIFIERS = ["name", "birth-date", "address", "phone", "record-number", "photo-id"] as const;
const NEEDED = 2;
const AT_MOST = 4;

function IdentityDialog({
  seat,
  visit,
  opened,
  onClose,
  onDone,
}: {
  seat: Seat;
  visit: string;
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}) {
  const words = useClinicianStrings().checks;
  const { close } = useStrings().confirm;
  const [chosen, setChosen] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const act = async () => {
    setBusy(true);
    setFault(null);
    try {
      await confirmIdentity(visit, seat.actor, chosen);
      onDone();
      onClose();
    } catch (error) {
      setFault(asApiError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={words.confirmIdentity}
      closeButtonProps={{ "aria-label": close, size: 44 }}
    >
      <Stack gap="md">
        <Text>{words.identityHow}</Text>
        <Checkbox.Group label={words.identityAsked} value={chosen} onChange={setChosen}>
          <Stack gap="sm" mt="sm">
            {IDENTIFIERS.map((one) => (
              <Checkbox
                key={one}
                value={one}
                label={words.identifiers[one]}
                disabled={chosen.length >= AT_MOST && !chosen.includes(one)}
              />
            ))}
          </Stack>
        </Checkbox.Group>
        <Text size="sm" c="var(--t-quiet)">
          {words.identityNote}
        </Text>
        {fault !== null && <Failure error={fault} />}
        <Button loading={busy} disabled={chosen.length < NEEDED} onClick={() => void act()}>
          {words.confirmIdentity}
        </Button>
      </Stack>
    </Modal>
  );
}
