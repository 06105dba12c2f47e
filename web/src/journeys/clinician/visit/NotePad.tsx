/** The note of a visit: typed beside the picture, sealed when it is saved. What is not saved yet is in memory only. */

import { Button, Textarea } from "@mantine/core";
import { useState, useSyncExternalStore } from "react";
import { Icon, WhyLine } from "~/components";
import { asApiError, onSessionEnd } from "~/session";
import styles from "../clinician.module.css";
import { patientOf, type Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { keepNote } from "../summary";

const NOTE_CHARS_MAX = 50_000;

interface Draft {
  text: string;
  saved: string;
}

const NONE: Draft = { text: "", saved: "" };
const drafts = new Map<string, Draft>();
const listeners = new Set<() => void>();
onSessionEnd(() => drafts.clear());

/** What is being saved of each visit: saved by hand and by the visit's end at once, a note would be there twice. */
const saving = new Map<string, Promise<void>>();

/** Seal what was typed and not saved yet. */
export async function saveDraft(visit: Visit): Promise<void> {
  const before = saving.get(visit.visit) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(() => saveNow(visit));
  saving.set(visit.visit, mine);
  try {
    await mine;
  } finally {
    if (saving.get(visit.visit) === mine) saving.delete(visit.visit);
  }
}

async function saveNow(visit: Visit): Promise<void> {
  const { text, saved } = drafts.get(visit.visit) ?? NONE;
  const patient = patientOf(visit);
  if (text.trim() === "" || text === saved || patient === undefined) return;
  await keepNote(text, { visit: visit.visit, patient: patient.actor });
  const now = drafts.get(visit.visit); // None where the session has ended meanwhile.
  if (now !== undefined) keep(visit.visit, { text: now.text, saved: text });
}

/** Another note after the visit: asked for, or begun and not saved. */
export function MoreNotes({ visit }: { visit: Visit }) {
  const words = useClinicianStrings().notes;
  const draft = useDraft(visit.visit);
  const [isAsked, setAsked] = useState(false);
  if (isAsked || draft.text !== draft.saved) return <NotePad visit={visit} bare />;
  const begin = () => {
    keep(visit.visit, NONE);
    setAsked(true);
  };
  return (
    <div>
      <Button variant="default" leftSection={<Icon name="note" />} onClick={begin}>
        {words.write}
      </Button>
    </div>
  );
}

/** `bare`: under a heading of its own. */
export function NotePad({ visit, bare = false }: { visit: Visit; bare?: boolean }) {
  const strings = useClinicianStrings();
  const words = strings.notes;
  const draft = useDraft(visit.visit);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const isSaved = draft.text === draft.saved && draft.saved !== "";
  const save = async () => {
    setBusy(true);
    setFault("");
    try {
      await saveDraft(visit);
    } catch (error) {
      setFault(asApiError(error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={styles.notes}>
      {!bare && <h2>{words.title}</h2>}
      <Textarea
        aria-label={words.title}
        placeholder={words.placeholder}
        value={draft.text}
        maxLength={NOTE_CHARS_MAX}
        autosize
        minRows={8}
        maxRows={18}
        onChange={(event) => keep(visit.visit, { text: event.currentTarget.value, saved: draft.saved })}
      />
      <p role="status" className={styles.quiet}>
        {fault || (isSaved ? words.saved : draft.text.trim() === "" ? "" : words.unsaved)}
      </p>
      <Button
        variant="default"
        loading={busy}
        disabled={isSaved || draft.text.trim() === ""}
        leftSection={<Icon name="lock" />}
        onClick={() => void save()}
      >
        {words.save}
      </Button>
      <WhyLine>{words.why(patientOf(visit)?.name ?? strings.unnamed)}</WhyLine>
    </div>
  );
}

function useDraft(visit: string): Draft {
  return useSyncExternalStore(subscribe, () => drafts.get(visit) ?? NONE);
}

function keep(visit: string, draft: Draft): void {
  drafts.set(visit, draft);
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
