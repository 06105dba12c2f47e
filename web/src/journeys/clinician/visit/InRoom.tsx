/**
 * The room as whoever leads the visit has it: the room itself, and over it who waits, recording, people, and the end.
 *
 * Guarantees: what was noted and not saved is sealed before the visit is ended.
 */

import { Button, Stack } from "@mantine/core";
import { useCallback, useMemo, useRef, useState } from "react";
import { Confirm, Icon } from "~/components";
import { Room, roomPorts } from "~/room";
import { useVitals } from "~/record";
import { asApiError, useMe } from "~/session";
import styles from "../clinician.module.css";
import { isThird, lacksConsent, patientOf, presentSeats, type Seat, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { admit, end, leave, moderate, withdraw } from "../visits";
import { InviteDialog } from "./InviteDialog";
import { NotePad, saveDraft } from "./NotePad";
import { People } from "./People";
import { RecordingDialog } from "./RecordingDialog";
import { VisitChecks } from "./VisitChecks";
import type { Outcome } from "./VisitPanel";

interface Props {
  visit: Visit;
  stream: MediaStream | null;
  onOut: (why: Outcome) => void;
}

type Asked = "invite" | "recording" | "end" | null;

export function InRoom({ visit, stream, onOut }: Props) {
  const words = useClinicianStrings().room;
  const { actor } = useMe();
  const [asked, setAsked] = useState<Asked>(null);
  const ports = usePorts(visit);
  const patient = patientOf(visit);
  const vitals = useVitals({ person: patient?.actor ?? null, visit: visit.visit });
  const readers = useReaders(visit, patient);
  const isLead = visit.mine?.role === "clinician";
  const out = (why: Outcome) => {
    // Who leaves by hand is gone for the node too; who is back in the lobby, or removed, is so already.
    if (why === "left") void leave(visit.visit).catch(() => undefined);
    onOut(why);
  };
  const { permitted, running, lacking } = visit.recording;
  return (
    <div className={styles.whole}>
      <Room
        visit={visit.visit}
        ports={ports}
        stream={stream}
        readers={readers}
        vitals={vitals}
        notes={<NotePad visit={visit} />}
        panel={{ label: words.visit, icon: "people", content: <Side visit={visit} onAsk={setAsked} /> }}
        recording={{ permitted, running, lacking, mayStart: true }}
        onModerate={(who, what) => moderate(visit.visit, who, what)}
        onOut={out}
      />
      <div className={styles.over}>
        <Waiting visit={visit} />
        <div className={styles.overBar}>
          {lacking.includes(actor) && (
            <OverButton icon="record" onPress={() => setAsked("recording")} label="recording" />
          )}
          {isLead && <OverButton icon="stop" onPress={() => setAsked("end")} label="end" danger />}
        </div>
      </div>
      <InviteDialog visit={visit} opened={asked === "invite"} onClose={() => setAsked(null)} />
      <RecordingDialog visit={visit} opened={asked === "recording"} onClose={() => setAsked(null)} />
      <EndDialog visit={visit} opened={asked === "end"} onClose={() => setAsked(null)} />
    </div>
  );
}

function OverButton({
  icon,
  label,
  danger,
  onPress,
}: {
  icon: "record" | "stop";
  label: "recording" | "end";
  danger?: boolean;
  onPress: () => void;
}) {
  const words = useClinicianStrings().room;
  return (
    <button type="button" className={styles.overButton} data-danger={danger || undefined} onClick={onPress}>
      <Icon name={icon} size={20} />
      {words[label]}
    </button>
  );
}

/** Who waits is told over the picture, and let in from there. */
function Waiting({ visit }: { visit: Visit }) {
  const [fault, setFault] = useState("");
  const waiting = presentSeats(visit).filter(({ state }) => state === "waiting");
  if (waiting.length === 0) return <div role="status" />;
  return (
    <div role="status" className={styles.waiting}>
      {waiting.map((seat) => (
        <Waiter key={seat.actor} visit={visit} seat={seat} onFault={setFault} />
      ))}
      {fault !== "" && <p role="alert">{fault}</p>}
    </div>
  );
}

/** The button is pressed once: it rests until the visit says that this one is in, or it was refused. */
function Waiter({ visit, seat, onFault }: { visit: Visit; seat: Seat; onFault: (fault: string) => void }) {
  const strings = useClinicianStrings();
  const [busy, setBusy] = useState(false);
  const lacks = lacksConsent(visit, seat);
  const name = seat.name ?? strings.unnamed;
  const letIn = async () => {
    onFault("");
    setBusy(true);
    try {
      await admit(visit, [seat]);
    } catch (error) {
      onFault(asApiError(error).message);
      setBusy(false);
    }
  };
  return (
    <div className={styles.waiter}>
      <span>
        {strings.room.waits(name)}
        {lacks !== null && <small>{strings.people.lacks[lacks]}</small>}
      </span>
      <Button loading={busy} disabled={lacks !== null} onClick={() => void letIn()}>
        {strings.room.letIn}
      </Button>
    </div>
  );
}

/** Everything about the visit that is not the picture: people, checks, recording. */
function Side({ visit, onAsk }: { visit: Visit; onAsk: (asked: Asked) => void }) {
  const words = useClinicianStrings();
  const { actor } = useMe();
  const patient = patientOf(visit);
  const agreed = visit.mine?.consents.recording != null;
  const [fault, setFault] = useState("");
  const act = (work: Promise<unknown>) => {
    setFault("");
    work.catch((error: unknown) => setFault(asApiError(error).message));
  };
  return (
    <div className={styles.side}>
      <h2>{words.room.visit}</h2>
      <Stack gap="lg">
        <section>
          <h3>{words.prepare.people}</h3>
          <People visit={visit} onAdmit={(seat) => act(admit(visit, [seat]))} onChange={() => setFault("")} />
          <Button
            mt="sm"
            variant="default"
            leftSection={<Icon name="link" />}
            onClick={() => onAsk("invite")}
          >
            {words.invite.title}
          </Button>
        </section>
        <section>
          <h3>{words.prepare.checks(patient?.name ?? words.unnamed)}</h3>
          <VisitChecks visit={visit} onChange={() => setFault("")} />
        </section>
        <section>
          <h3>{words.recording.title}</h3>
          <p className={styles.quiet}>
            {visit.recording.permitted
              ? words.recording.permitted
              : words.recording.lacking(
                  visit.recording.lacking
                    .map((one) => (one === actor ? words.people.you : nameIn(visit, one)))
                    .join(", "),
                )}
          </p>
          {agreed ? (
            <Button variant="default" onClick={() => act(withdraw(visit.visit, "recording"))}>
              {words.recording.takeBack}
            </Button>
          ) : (
            <Button variant="default" onClick={() => onAsk("recording")}>
              {words.recording.agree}
            </Button>
          )}
        </section>
        {fault !== "" && (
          <p role="alert" className={styles.fault}>
            {fault}
          </p>
        )}
      </Stack>
    </div>
  );
}

function EndDialog({ visit, opened, onClose }: { visit: Visit; opened: boolean; onClose: () => void }) {
  const words = useClinicianStrings().end;
  return (
    <Confirm
      opened={opened}
      title={words.title}
      confirm={words.title}
      danger
      onConfirm={async () => {
        await saveDraft(visit);
        await end(visit.visit, "completed");
      }}
      onClose={onClose}
    >
      {words.text}
      {visit.recording.running && ` ${words.recording}`}
    </Confirm>
  );
}

/** The room begins anew when its ports change: so they are made once, and ask for names as they are now. */
function usePorts(visit: Visit) {
  const strings = useClinicianStrings();
  const names = useRef({ visit, unnamed: strings.unnamed });
  names.current = { visit, unnamed: strings.unnamed };
  const nameOf = useCallback((actor: string) => {
    const { visit: now, unnamed } = names.current;
    return now.seats.find((one) => one.actor === actor)?.name ?? unnamed;
  }, []);
  return useMemo(() => roomPorts({ visit: visit.visit, nameOf }), [visit.visit, nameOf]);
}

/** Files are for everybody with a seat; a recording is for patient and clinicians. */
function useReaders(visit: Visit, patient: Seat | undefined) {
  const seats = presentSeats(visit);
  const files = seats.map(({ actor }) => actor).sort();
  const recording = seats
    .filter((seat) => seat === patient || !isThird(seat))
    .map(({ actor }) => actor)
    .sort();
  const key = `${files.join()} ${recording.join()}`;
  // eslint-disable-next-line react-hooks/exhaustive-deps -- the same people are the same readers
  return useMemo(() => ({ files, recording }), [key]);
}

function nameIn(visit: Visit, actor: string): string {
  return visit.seats.find((one) => one.actor === actor)?.name ?? "";
}
