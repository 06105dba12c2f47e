/** Today: the queue on the left, the chosen patient on the right; on a phone one of the two. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Await, Empty, Icon, Page, TimeText, useNow } from "~/components";
import { Link, pathOf } from "~/router";
import { useView, type View } from "~/session";
import { patientOf, type Queue, type Visit, type VisitList } from "../shapes";
import styles from "../clinician.module.css";
import { useClinicianStrings } from "../strings";
import { VisitPanel } from "../visit/VisitPanel";
import { NewVisitDialog } from "./NewVisitDialog";

const TOPICS = ["queue", "visit/*"];
const PAST = { which: "past", limit: 20 };
/** Closed visits of about this working day. */
const RECENT_MS = 12 * 3_600_000;

export function DayPage({ chosen }: { chosen: string | undefined }) {
  const words = useClinicianStrings().day;
  const view = useView<Queue>("/v1/app/queue", { topics: TOPICS });
  const [isNew, setNew] = useState(false);
  const past = useView<VisitList>("/v1/app/visits", { query: PAST, topics: TOPICS });
  const shown = useInSight(chosen, view.data, past.data?.visits ?? []);
  return (
    <Page
      title={words.title}
      subtitle={<TimeText at={view.data?.now ?? null} style="date" />}
      actions={
        <Button
          variant="default"
          className={styles.start ?? ""}
          data-inside={chosen !== undefined || undefined}
          leftSection={<Icon name="plus" />}
          onClick={() => setNew(true)}
        >
          {words.newVisit}
        </Button>
      }
    >
      <div className={styles.split} data-chosen={chosen !== undefined || undefined}>
        <QueueList view={view} past={past} chosen={shown} onNew={() => setNew(true)} />
        <section className={styles.right} data-implied={chosen === undefined || undefined}>
          {chosen !== undefined && (
            <Link to="/clinician" className={styles.back ?? ""}>
              <Icon name="back" /> {words.back}
            </Link>
          )}
          {shown === undefined ? (
            <Empty icon="person" title={words.choose} />
          ) : (
            <VisitPanel key={shown} visit={shown} />
          )}
        </section>
      </div>
      <NewVisitDialog opened={isNew} onClose={() => setNew(false)} />
    </Page>
  );
}

/**
 * A visit that goes on stays in sight when the next patient comes, and after its end until it is closed; else whoever is
 * next is there without a tap.
 */
function useInSight(chosen: string | undefined, queue: Queue | null, past: Visit[]): string | undefined {
  const [held, setHeld] = useState<string>();
  const underway = queue?.today.find(({ phase }) => phase === "underway")?.visit;
  if (underway !== undefined && underway !== held) setHeld(underway);
  const isClosed = past.some(({ visit, phase }) => visit === held && phase === "closed");
  const next = queue?.waiting[0]?.visit;
  return chosen ?? underway ?? (isClosed ? (next ?? held) : (held ?? next));
}

function QueueList({
  view,
  past,
  chosen,
  onNew,
}: {
  view: View<Queue>;
  past: View<VisitList>;
  chosen: string | undefined;
  onNew: () => void;
}) {
  const words = useClinicianStrings().day;
  return (
    <section className={styles.left} aria-label={words.queue}>
      <Await
        view={view}
        isEmpty={({ waiting, today }) =>
          waiting.length === 0 && today.length === 0 && past.data?.visits.length === 0
        }
        empty={
          <Empty
            icon="calendar"
            title={words.empty}
            action={<Button onClick={onNew}>{words.newVisit}</Button>}
          />
        }
      >
        {({ waiting, today }) => {
          const rest = today.filter((one) => waiting.every(({ visit }) => visit !== one.visit));
          const over = past.data?.visits ?? [];
          return (
            <>
              <Section
                title={words.waiting(waiting.length)}
                visits={waiting}
                chosen={chosen}
                none={words.nobodyWaits}
              />
              <Section title={words.today} visits={rest} chosen={chosen} none={null} />
              <Section
                title={words.toClose}
                visits={over.filter(({ phase }) => phase === "ended")}
                chosen={chosen}
                none={null}
              />
              <Section
                title={words.done}
                visits={over.filter((one) => one.phase === "closed" && isRecent(one))}
                chosen={chosen}
                none={null}
              />
            </>
          );
        }}
      </Await>
    </section>
  );
}

function Section({
  title,
  visits,
  chosen,
  none,
}: {
  title: string;
  visits: readonly Visit[];
  chosen: string | undefined;
  none: string | null;
}) {
  if (visits.length === 0 && none === null) return null;
  return (
    <div>
      <h2 className={styles.heading}>{title}</h2>
      {visits.length === 0 && <p className={styles.quiet}>{none}</p>}
      <ul className={styles.rows}>
        {visits.map((visit) => (
          <li key={visit.visit}>
            <Row visit={visit} isChosen={visit.visit === chosen} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row({ visit, isChosen }: { visit: Visit; isChosen: boolean }) {
  const words = useClinicianStrings();
  const patient = patientOf(visit);
  const isWaiting = visit.position !== null;
  const thirds = visit.seats.filter(
    ({ state, role }) => state === "waiting" && role !== "patient" && role !== "clinician",
  ).length;
  return (
    <a
      className={styles.row}
      href={`#${pathOf("clinician", "visits", visit.visit)}`}
      aria-current={isChosen ? "true" : undefined}
    >
      <span className={styles.when}>
        {isWaiting ? visit.position : <TimeText at={visit.starts_at ?? visit.opened_at} style="time" />}
      </span>
      <span className={styles.rowWords}>
        <strong>{patient?.name ?? words.unnamed}</strong>
        <span className={styles.quiet}>
          {isWaiting && patient !== undefined ? (
            <WaitText since={patient.since} />
          ) : (
            words.day.phases[stateOf(visit)]
          )}
          {thirds > 0 && ` · ${words.day.alsoWaiting(thirds)}`}
        </span>
        {isWaiting && (
          <span className={styles.flag} data-tone={visit.missing.length === 0 ? "good" : "wait"}>
            <Icon name={visit.missing.length === 0 ? "check" : "waiting"} size={16} />
            {visit.missing.length === 0 ? words.day.ready : words.day.missing(visit.missing.length)}
          </span>
        )}
      </span>
    </a>
  );
}

function isRecent(visit: Visit): boolean {
  return Date.now() - Date.parse(visit.starts_at ?? visit.opened_at) < RECENT_MS;
}

function WaitText({ since }: { since: string }) {
  const words = useClinicianStrings().day;
  const minutes = Math.floor((useNow(10_000) - Date.parse(since)) / 60_000);
  return minutes < 1 ? words.waitsNow : words.waitsFor(minutes);
}

/** Where a visit is, as one word for its row. */
function stateOf(visit: Visit): "expected" | "here" | "underway" | "ended" | "closed" | "cancelled" {
  if (visit.outcome === "cancelled" || visit.outcome === "missed") return "cancelled";
  if (visit.phase === "closed" || visit.phase === "ended" || visit.phase === "underway") return visit.phase;
  return patientOf(visit)?.state === "expected" ? "expected" : "here";
}
