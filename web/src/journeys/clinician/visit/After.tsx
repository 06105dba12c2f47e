/** After the visit: the summary for the patient, notes, the recording, closing, and the proof of all of it. */

import { Button, Group, Stack, Text, Textarea } from "@mantine/core";
import { useEffect, useMemo, useState, type FormEvent, type ReactNode } from "react";
import { Check, Confirm, Failure, Icon, saveBlob, TimeText, WhyLine } from "~/components";
import { verifyNow } from "~/journeys/verify/handoff";
import { openRecording, Player } from "~/room";
import { RecordEntry, useRecord } from "~/record";
import { Link, pathOf } from "~/router";
import { asApiError, useMe, wallet, type ApiError } from "~/session";
import { useLanguage } from "~/strings";
import styles from "../clinician.module.css";
import { patientOf, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { keepSummary, SUMMARY_CHARS_MAX, type Written } from "../summary";
import { close, exportVisit } from "../visits";
import { MoreNotes } from "./NotePad";

interface Props {
  visit: Visit;
  onChange: () => void;
}

export function After({ visit, onChange }: Props) {
  const strings = useClinicianStrings();
  const words = strings.after;
  const patient = patientOf(visit);
  const isClosed = visit.phase === "closed";
  const isHeld = visit.outcome === "completed" || visit.outcome === null;
  return (
    <div className={styles.panel}>
      <header className={styles.patient}>
        <div>
          <h2>{patient?.name ?? strings.unnamed}</h2>
          <Text c="var(--t-quiet)">
            <TimeText at={visit.starts_at ?? visit.opened_at} /> ·{" "}
            {visit.outcome === null ? words.closed : words.outcomes[visit.outcome]}
          </Text>
        </div>
        {patient !== undefined && (
          <Link to={pathOf("clinician", "patients", patient.actor)} className={styles.recordLink ?? ""}>
            <Icon name="document" /> {strings.prepare.record}
          </Link>
        )}
      </header>
      {isHeld && (
        <>
          <Summary visit={visit} onChange={onChange} />
          <Kept visit={visit} role="note" title={strings.notes.title}>
            {!isClosed && <MoreNotes visit={visit} />}
          </Kept>
          <Recordings visit={visit} />
          <Kept visit={visit} role="record" title={words.files} />
        </>
      )}
      <Closing visit={visit} onChange={onChange} />
    </div>
  );
}

const NOTHING: Written = { discussed: "", plan: "", returnIf: "" };

function Summary({ visit, onChange }: Props) {
  const strings = useClinicianStrings();
  const words = strings.summary;
  const { actor, name } = useMe();
  const { language } = useLanguage();
  const [written, setWritten] = useState(NOTHING);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const patient = patientOf(visit);
  if (visit.summary !== null) return <Kept visit={visit} role="summary" title={words.title} isOpen />;
  if (visit.phase === "closed" || patient === undefined) return null;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      await keepSummary(written, {
        visit: visit.visit,
        patient: { id: patient.actor, name: patient.name },
        author: { id: actor, name },
        at: new Date().toISOString(),
        language,
        title: words.title,
        headings: words.sections,
      });
      onChange();
    } catch (error) {
      setFault(asApiError(error));
      onChange();
    } finally {
      setBusy(false);
    }
  };
  const isEmpty = Object.values(written).every((text) => text.trim() === "");
  return (
    <section>
      <h3>{words.title}</h3>
      <form onSubmit={(event) => void save(event)}>
        <Stack gap="md">
          <Text c="var(--t-quiet)">{words.intro(patient.name ?? strings.unnamed)}</Text>
          {(["discussed", "plan", "returnIf"] as const).map((key) => (
            <Textarea
              key={key}
              label={words.sections[key]}
              value={written[key]}
              maxLength={SUMMARY_CHARS_MAX}
              autosize
              minRows={2}
              maxRows={12}
              onChange={(event) => setWritten({ ...written, [key]: event.currentTarget.value })}
            />
          ))}
          {fault !== null && <Failure error={fault} />}
          <div>
            <Button type="submit" loading={busy} disabled={isEmpty} leftSection={<Icon name="lock" />}>
              {words.save}
            </Button>
            <WhyLine>{words.why(patient.name ?? strings.unnamed)}</WhyLine>
          </div>
        </Stack>
      </form>
    </section>
  );
}

/** What belongs to the visit in one role, as the record shows it: with seal, why line, and opened by a tap. */
function Kept({
  visit,
  role,
  title,
  isOpen = false,
  children,
}: {
  visit: Visit;
  role: "note" | "summary" | "record";
  title: string;
  isOpen?: boolean;
  children?: ReactNode;
}) {
  const items = useOfVisit(visit, role);
  if (items.length === 0 && !children) return null;
  return (
    <section>
      {items.length > 0 && <h3>{title}</h3>}
      <Stack gap="md">
        {items.map((item) => (
          <RecordEntry
            key={item.object}
            item={item}
            purpose="treatment"
            visit={visit.phase === "closed" ? undefined : visit.visit} // Nothing is added to a list that is closed.
            initiallyShown={isOpen}
          />
        ))}
        {children}
      </Stack>
    </section>
  );
}

function useOfVisit(visit: Visit, role: string) {
  const topics = useMemo(() => [`visit/${visit.visit}`], [visit.visit]);
  const { items } = useRecord(patientOf(visit)?.actor ?? null, {
    what: "documents",
    visit: visit.visit,
    rows: 50,
    topics,
  });
  return useMemo(() => {
    const own = new Set(visit.objects.filter((one) => one.role === role).map(({ object }) => object));
    return items.filter(({ object }) => own.has(object));
  }, [items, visit.objects, role]);
}

function Recordings({ visit }: { visit: Visit }) {
  const words = useClinicianStrings().recording;
  const list = visit.objects.filter(({ role }) => role === "recording");
  const open = useMemo(() => openRecording(visit.visit, "treatment"), [visit.visit]);
  const [chosen, setChosen] = useState<string | null>(null);
  if (list.length === 0) return null;
  return (
    <section>
      <h3>{words.title}</h3>
      <Stack gap="md">
        {list.map(({ object }, at) =>
          chosen === object ? (
            <Player
              key={object}
              object={object}
              open={open}
              kemKey={wallet().kemKey}
              title={words.number(at + 1)}
            />
          ) : (
            <Button
              key={object}
              variant="default"
              leftSection={<Icon name="play" />}
              onClick={() => setChosen(object)}
            >
              {words.play(at + 1)}
            </Button>
          ),
        )}
      </Stack>
    </section>
  );
}

function Closing({ visit, onChange }: Props) {
  const strings = useClinicianStrings();
  const words = strings.after;
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<ApiError | null>(null);
  const [proof, setProof] = useState<Blob | null>(null);
  useEffect(() => setProof(null), [visit.phase]);
  const isClosed = visit.phase === "closed";
  const withProof = async (act: (blob: Blob) => void) => {
    setBusy(true);
    setFault(null);
    try {
      const blob = proof ?? (await exportVisit(visit.visit));
      setProof(blob);
      act(blob);
    } catch (error) {
      setFault(asApiError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section>
      <h3>{isClosed ? words.proof : words.close}</h3>
      {isClosed ? (
        <Stack gap="sm">
          <Check state="done" label={words.closedText(visit.entries)} />
          <Group gap="sm">
            <Button
              loading={busy}
              leftSection={<Icon name="download" />}
              onClick={() => void withProof((blob) => saveBlob(blob, "visit-proof.zip"))}
            >
              {words.download}
            </Button>
            <Button
              variant="default"
              loading={busy}
              leftSection={<Icon name="proof" />}
              onClick={() => void withProof(verifyNow)}
            >
              {words.verify}
            </Button>
          </Group>
        </Stack>
      ) : (
        <Stack gap="sm">
          <Text>{words.closeText}</Text>
          {visit.summary === null && visit.outcome === "completed" && (
            <Check state="todo" label={words.noSummary} />
          )}
          <div>
            <Button onClick={() => setAsked(true)} leftSection={<Icon name="check" />}>
              {words.close}
            </Button>
          </div>
        </Stack>
      )}
      {fault !== null && <Failure error={fault} />}
      <Confirm
        opened={asked}
        title={words.close}
        confirm={words.close}
        onConfirm={async () => {
          await close(visit.visit);
          onChange();
        }}
        onClose={() => setAsked(false)}
      >
        {words.closeSure}
      </Confirm>
    </section>
  );
}
