/** The patient's start: next visit, messages, readings today, and who saw my record, with the last three in words. */

import { useMemo, type ReactNode } from "react";
import { Await, Icon, Page, TimeText, type IconName } from "~/components";
import { useThreads, type ThreadView } from "~/messages";
import { Link, pathOf } from "~/router";
import { useMe, useView } from "~/session";
import { KindPlot } from "../devices/KindPlot";
import { useReadings } from "../devices/useReadings";
import { useTokens } from "../permissions/Permissions";
import { useBlocks } from "../proof/proofs";
import { SeenLine } from "../seen/SeenLine";
import { grouped } from "../seen/sentences";
import { useNames } from "../seen/useNames";
import { useSeen } from "../seen/useSeen";
import type { VisitList } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { VisitCard } from "../visits/VisitCard";
import { FactorNews } from "./FactorNews";

export function Home() {
  const words = usePatientStrings().home;
  const { name } = useMe();
  return (
    <Page title={name === null ? words.helloNobody : words.hello(name)}>
      <Offers />
      <FactorNews />
      <div className={styles.home}>
        <NextVisit />
        <MessagesToday />
        <ReadingsToday />
        <LastSeen />
      </div>
    </Page>
  );
}

function Block({
  title,
  icon,
  to,
  toLabel,
  children,
}: {
  title: string;
  icon: IconName;
  to: string;
  toLabel: string;
  children: ReactNode;
}) {
  return (
    <section className={styles.block}>
      <div className={styles.blockHead}>
        <Icon name={icon} size={20} />
        <h2>{title}</h2>
        <Link to={to} className={styles.blockLink ?? ""}>
          {toLabel}
        </Link>
      </div>
      {children}
    </section>
  );
}

function NextVisit() {
  const words = usePatientStrings().home;
  const view = useView<VisitList>("/v1/app/visits", {
    query: { which: "upcoming", limit: 5 },
    topics: ["visit/*"],
  });
  return (
    <Block title={words.next} icon="visit" to="/patient/visits" toLabel={words.allVisits}>
      <Await
        view={view}
        shape="cards"
        isEmpty={({ visits }) => visits.length === 0}
        empty={<p className={styles.quiet}>{words.noNext}</p>}
      >
        {({ visits, now }) => {
          const next = visits.find(({ phase }) => phase === "underway") ?? visits[0];
          return next === undefined ? null : <VisitCard visit={next} now={now} />;
        }}
      </Await>
    </Block>
  );
}

const THREADS = 3;

function MessagesToday() {
  const words = usePatientStrings().home;
  const view = useThreads();
  return (
    <Block title={words.messages} icon="chat" to="/patient/messages" toLabel={words.openMessages}>
      <Await
        view={view}
        isEmpty={({ threads }) => threads.length === 0}
        empty={<p className={styles.quiet}>{words.noMessages}</p>}
      >
        {({ threads }) => <Threads threads={threads} />}
      </Await>
    </Block>
  );
}

function Threads({ threads }: { threads: readonly ThreadView[] }) {
  const words = usePatientStrings();
  const me = useMe().actor;
  const unread = threads.reduce((sum, thread) => sum + thread.unread, 0);
  const first = [...threads].sort((a, b) => Number(b.unread > 0) - Number(a.unread > 0)).slice(0, THREADS);
  return (
    <>
      <p role="status" className={unread > 0 ? styles.strong : styles.quiet}>
        {unread > 0 ? words.home.unread(unread) : words.home.allRead}
      </p>
      <ul className={styles.lines}>
        {first.map((thread) => (
          <li key={thread.thread}>
            <a className={styles.line} href={`#${pathOf("patient", "messages", thread.thread)}`}>
              <span className={styles.grow}>
                {thread.members
                  .filter(({ actor }) => actor !== me)
                  .map(({ name }) => name ?? words.seen.somebody)
                  .join(", ")}
              </span>
              {thread.unread > 0 && <span className={styles.count}>{thread.unread}</span>}
              <span className={styles.quiet}>
                <TimeText at={thread.last_at} style="ago" />
              </span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

const ROWS_TODAY = 24;
const LOOK_MS = 20_000;

function ReadingsToday() {
  const words = usePatientStrings().home;
  const midnight = useMemo(() => new Date().setHours(0, 0, 0, 0), []);
  const { list, kinds } = useReadings({ rows: ROWS_TODAY, sinceMs: midnight, every_ms: LOOK_MS });
  return (
    <Block title={words.readings} icon="pulse" to="/patient/devices" toLabel={words.allReadings}>
      <Await
        view={list}
        shape="cards"
        isEmpty={() => kinds.length === 0}
        empty={<p className={styles.quiet}>{words.noReadings}</p>}
      >
        {() => kinds.map((kind) => <KindPlot key={kind.kind} kind={kind} height={120} />)}
      </Await>
    </Block>
  );
}

const LAST = 3;
/** Enough lines that three sentences come of them, also where one tells of many readings. */
const ROWS_SEEN = 20;

function LastSeen() {
  const words = usePatientStrings().home;
  const list = useSeen({ count: ROWS_SEEN });
  const names = useNames();
  const blocks = useBlocks();
  return (
    <Block title={words.seen} icon="eye" to="/patient/seen" toLabel={words.allSeen}>
      <Await view={list} empty={<p className={styles.quiet}>{words.noSeen}</p>}>
        {(rows) => (
          <ul className={styles.seenList}>
            {grouped(rows, names.sortOf)
              .slice(0, LAST)
              .map((group) => (
                <SeenLine key={group.rows[0]?.position} group={group} names={names} blocks={blocks} short />
              ))}
          </ul>
        )}
      </Await>
    </Block>
  );
}

function Offers() {
  const words = usePatientStrings().home;
  const count = useTokens("offered").data?.tokens.length ?? 0;
  if (count === 0) return null;
  return (
    <p className={styles.notice} role="status">
      <Icon name="token" size={18} />
      <span>
        {words.offered(count)}. <Link to="/patient/permissions">{words.seeOffers}</Link>
      </span>
    </p>
  );
}
