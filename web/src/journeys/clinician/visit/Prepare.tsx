/** Before the room: who it is, what is missing as checks, everybody who comes, and one button to admit. */

import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { Confirm, Failure, Icon, TimeText } from "~/components";
import { Link, pathOf } from "~/router";
import { asApiError, live, type ApiError } from "~/session";
import { DeviceTest } from "~/room";
import styles from "../clinician.module.css";
import { lacksConsent, patientOf, type Seat, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { admit, end } from "../visits";
import { openDevices } from "./devices";
import { InviteDialog } from "./InviteDialog";
import { People } from "./People";
import { VisitChecks } from "./VisitChecks";

interface Props {
  visit: Visit;
  /** What the test has opened: held by the visit's page, so that it is let go with it. */
  stream: MediaStream | null;
  onStream: (stream: MediaStream | null) => void;
  onEnter: (stream: MediaStream | null) => void;
  onChange: () => void;
}

export function Prepare({ visit, stream, onStream, onEnter, onChange }: Props) {
  const words = useClinicianStrings();
  const patient = patientOf(visit);
  const name = patient?.name ?? words.unnamed;
  const { go, busy, fault } = useEntering({ visit, stream, onEnter, onChange });
  const [asked, setAsked] = useState<"devices" | "invite" | "cancel" | "missed" | null>(null);
  return (
    <div className={styles.panel}>
      <header className={styles.patient}>
        <div>
          <h2>{name}</h2>
          <Text c="var(--t-quiet)">
            {visit.starts_at === null ? (
              words.prepare.noTime
            ) : (
              <>
                <TimeText at={visit.starts_at} />{" "}
                {visit.minutes !== null && `· ${words.newVisit.minutesOf(visit.minutes)}`}
              </>
            )}
          </Text>
        </div>
        {patient !== undefined && (
          <Link to={pathOf("clinician", "patients", patient.actor)} className={styles.recordLink ?? ""}>
            <Icon name="document" /> {words.prepare.record}
          </Link>
        )}
      </header>
      <AdmitButton visit={visit} patient={patient} name={name} busy={busy} onGo={go} />
      {fault !== null && <Failure error={fault} />}
      <section>
        <h3>{words.prepare.checks(name)}</h3>
        <VisitChecks visit={visit} onChange={onChange} />
      </section>
      <section>
        <h3>{words.prepare.people}</h3>
        <People visit={visit} onAdmit={(seat) => go([seat])} onChange={onChange} />
        <Button
          mt="sm"
          variant="default"
          leftSection={<Icon name="link" />}
          onClick={() => setAsked("invite")}
        >
          {words.invite.title}
        </Button>
      </section>
      {asked === "devices" ? (
        <section>
          <DeviceTest
            link={live}
            readyLabel={words.prepare.devicesDone}
            onReady={({ stream: opened }) => {
              onStream(opened);
              setAsked(null);
            }}
          />
        </section>
      ) : (
        <Group gap="sm">
          <Button variant="default" leftSection={<Icon name="camera" />} onClick={() => setAsked("devices")}>
            {words.prepare.devices}
          </Button>
          {visit.phase !== "underway" && (
            <>
              <Button variant="default" onClick={() => setAsked("missed")}>
                {words.prepare.missed}
              </Button>
              <Button variant="outline" color="red" onClick={() => setAsked("cancel")}>
                {words.prepare.cancel}
              </Button>
            </>
          )}
          {visit.phase === "underway" && (
            <Button variant="outline" color="red" onClick={() => setAsked("cancel")}>
              {words.end.title}
            </Button>
          )}
        </Group>
      )}
      <InviteDialog visit={visit} opened={asked === "invite"} onClose={() => setAsked(null)} />
      <EndDialog visit={visit} asked={asked} onClose={() => setAsked(null)} onChange={onChange} />
    </div>
  );
}

function AdmitButton({
  visit,
  patient,
  name,
  busy,
  onGo,
}: {
  visit: Visit;
  patient: Seat | undefined;
  name: string;
  busy: boolean;
  onGo: (seats: readonly Seat[]) => void;
}) {
  const words = useClinicianStrings().prepare;
  const isWaiting = patient?.state === "waiting";
  const lacks = patient === undefined ? null : lacksConsent(visit, patient);
  const isInside = patient?.state === "admitted";
  if (isWaiting && lacks === null) {
    return (
      <div>
        <Button
          size="lg"
          fullWidth
          loading={busy}
          leftSection={<Icon name="visit" size={24} />}
          onClick={() => onGo([patient])}
        >
          {words.admit(name)}
        </Button>
        {visit.missing.length > 0 && <p className={styles.hint}>{words.admitAnyway}</p>}
      </div>
    );
  }
  return (
    <div>
      <Button
        size="lg"
        fullWidth
        variant={isInside || visit.mine?.state === "admitted" ? "filled" : "default"}
        loading={busy}
        leftSection={<Icon name="visit" size={24} />}
        onClick={() => onGo([])}
      >
        {isInside || visit.phase === "underway" ? words.goBackIn : words.goIn}
      </Button>
      <p className={styles.hint}>
        {isWaiting ? words.lacksConsent(name) : isInside ? words.isInside(name) : words.notHere(name)}
      </p>
    </div>
  );
}

function EndDialog({
  visit,
  asked,
  onClose,
  onChange,
}: {
  visit: Visit;
  asked: string | null;
  onClose: () => void;
  onChange: () => void;
}) {
  const words = useClinicianStrings();
  const isUnderway = visit.phase === "underway";
  const outcome = isUnderway ? "completed" : asked === "missed" ? "missed" : "cancelled";
  const title = isUnderway
    ? words.end.title
    : asked === "missed"
      ? words.prepare.missed
      : words.prepare.cancel;
  return (
    <Confirm
      opened={asked === "cancel" || asked === "missed"}
      title={title}
      confirm={title}
      danger
      onConfirm={async () => {
        await end(visit.visit, outcome);
        onChange();
      }}
      onClose={onClose}
    >
      {isUnderway ? words.end.text : asked === "missed" ? words.prepare.missedText : words.prepare.cancelText}
    </Confirm>
  );
}

/** Opens the devices, signs what lets people in, and goes in; a stream of the device test is used as it is. */
function useEntering({ visit, stream, onEnter, onChange }: Omit<Props, "onStream">) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const enter = async (seats: readonly Seat[]) => {
    setBusy(true);
    setFault(null);
    const opening = stream?.active === true ? Promise.resolve(stream) : openDevices();
    try {
      await admit(visit, seats);
      onChange();
      onEnter(await opening);
    } catch (error) {
      void opening.then((opened) => opened?.getTracks().forEach((track) => track.stop()));
      setFault(asApiError(error));
      onChange();
    } finally {
      setBusy(false);
    }
  };
  return { go: (seats: readonly Seat[]) => void enter(seats), busy, fault };
}
