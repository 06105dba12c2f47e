/**
 * A patient's record as far as it was opened to this clinician, by encounter; and the way in for an emergency.
 *
 * Guarantees: what one may not see is not hinted at: no count, no gap, no greyed line. When an emergency access ends,
 * what it showed leaves the screen and memory.
 */

import { Button, Group, Stack } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { Await, Empty, Icon, Page, PurposeChip, Revoked, TimeText } from "~/components";
import { forgetItems, RecordEntry, useRecord, type RecordItem } from "~/record";
import { Link } from "~/router";
import { useView } from "~/session";
import { useThreads } from "~/messages";
import styles from "../clinician.module.css";
import { useGlass } from "../glass";
import type { VisitList } from "../shapes";
import { useClinicianStrings } from "../strings";
import { byEncounter, firstAt } from "./encounters";
import { GlassDialog } from "./GlassDialog";
import { patientsIn } from "./known";

const ROWS = 30;
/** A grant that was taken back has no news of its own: so the list is looked at now and then. */
const LOOK_MS = 15_000;

export function RecordPage({ person }: { person: string }) {
  const strings = useClinicianStrings();
  const words = strings.record;
  const glass = useGlass();
  const own = glass?.person === person ? glass : null;
  const record = useRecord(person, { what: "all", rows: ROWS, every_ms: LOOK_MS });
  const { reload } = record;
  useEffect(() => reload(), [own?.id, reload]);
  const isEnded = useEmergencyEnd(own !== null, record.items);
  const [asked, setAsked] = useState(false);
  const name = useName(person, record.data?.person.name ?? null);
  const thread = useThreadWith(person);
  return (
    <Page
      title={name ?? strings.unnamed}
      windowTitle={words.windowTitle}
      subtitle={<PurposeChip purpose={own === null ? "treatment" : "emergency"} />}
      actions={
        <Group gap="sm">
          <Link
            to={thread === null ? `/clinician/messages/new?with=${person}` : `/clinician/messages/${thread}`}
            className={styles.recordLink ?? ""}
          >
            <Icon name="chat" /> {words.message}
          </Link>
          {own === null && (
            <Button
              variant="outline"
              color="red"
              leftSection={<Icon name="emergency" />}
              onClick={() => setAsked(true)}
            >
              {words.emergency}
            </Button>
          )}
        </Group>
      }
    >
      {isEnded && <Revoked />}
      <Await
        view={record}
        shape="record"
        isEmpty={() => record.items.length === 0 && record.more === null}
        empty={isEnded ? <span /> : <Empty icon="document" title={words.empty} />}
      >
        {() => (
          <Stack gap="xl">
            <Encounters
              items={isEnded ? withoutEmergency(record.items) : record.items}
              person={person}
              isGlass={own !== null}
            />
            {record.more !== null && (
              <Button variant="default" loading={record.loadingMore} onClick={record.more}>
                {words.more}
              </Button>
            )}
          </Stack>
        )}
      </Await>
      <GlassDialog person={person} name={name} opened={asked} onClose={() => setAsked(false)} />
    </Page>
  );
}

/** The list of before may stand for a moment; what the emergency alone showed does not. */
function withoutEmergency(items: readonly RecordItem[]): readonly RecordItem[] {
  return items.filter(({ why }) => why !== "emergency");
}

function Encounters({ items, isGlass }: { items: readonly RecordItem[]; person: string; isGlass: boolean }) {
  const words = useClinicianStrings().record;
  const groups = useMemo(() => byEncounter(items), [items]);
  return (
    <ol className={styles.timeline}>
      {groups.map((group) => (
        <li key={group.visit ?? "none"}>
          <h2 className={styles.heading}>
            {group.visit === null ? (
              words.outside
            ) : (
              <>
                {words.visit} · <TimeText at={firstAt(group)} style="date" />
              </>
            )}
          </h2>
          <Stack gap="sm">
            {group.items.map((item) => (
              <Entry key={item.object} item={item} isGlass={isGlass} />
            ))}
            {group.readings.length > 0 && <Readings items={group.readings} isGlass={isGlass} />}
          </Stack>
        </li>
      ))}
    </ol>
  );
}

/** Devices send more than anybody reads: they are folded, and opened one by one. */
function Readings({ items, isGlass }: { items: readonly RecordItem[]; isGlass: boolean }) {
  const words = useClinicianStrings().record;
  const [isOpen, setOpen] = useState(items.length <= 2);
  if (!isOpen) {
    return (
      <div>
        <Button variant="default" leftSection={<Icon name="pulse" />} onClick={() => setOpen(true)}>
          {words.readings(items.length)}
        </Button>
      </div>
    );
  }
  return items.map((item) => <Entry key={item.object} item={item} isGlass={isGlass} />);
}

/** Granted pieces open at once, so that their titles can be read; in an emergency each is opened by its own tap. */
function Entry({ item, isGlass }: { item: RecordItem; isGlass: boolean }) {
  const isEmergency = item.why === "emergency" && isGlass;
  return (
    <RecordEntry
      item={item}
      auto={!isEmergency}
      purpose={isEmergency ? "emergency" : "treatment"}
      visit={isEmergency || item.why === "token" ? undefined : (item.visit ?? undefined)}
    />
  );
}

/** Whether an emergency access to this record ended while it was open; what it had shown is forgotten then. */
function useEmergencyEnd(isOpen: boolean, items: readonly RecordItem[]): boolean {
  const [isEnded, setEnded] = useState(false);
  const was = useRef(isOpen);
  const shown = useRef(items);
  shown.current = items;
  useEffect(() => {
    if (was.current && !isOpen) {
      forgetItems(shown.current.filter(({ why }) => why === "emergency").map(({ object }) => object));
      setEnded(true);
    }
    if (isOpen) setEnded(false);
    was.current = isOpen;
  }, [isOpen]);
  return isEnded;
}

/** The record gives a name only with something to see; somebody of one's own visits is known by those. */
function useName(person: string, said: string | null): string | null {
  const past = useView<VisitList>("/v1/app/visits", { query: { which: "past", limit: 100 } });
  const upcoming = useView<VisitList>("/v1/app/visits", { query: { which: "upcoming", limit: 100 } });
  const known = patientsIn([...(upcoming.data?.visits ?? []), ...(past.data?.visits ?? [])]);
  return said ?? known.find(({ actor }) => actor === person)?.name ?? null;
}

function useThreadWith(person: string): string | null {
  const threads = useThreads().data?.threads ?? [];
  return threads.find(({ members }) => members.some(({ actor }) => actor === person))?.thread ?? null;
}
