/** How much happened and when: what people would rather look at than read. */

import { SegmentedControl } from "@mantine/core";
import { useMemo, useState } from "react";
import { Await, DataList, Empty, Page, Plot, TimeText } from "~/components";
import { go } from "~/router";
import { numberText } from "~/strings";
import { placeOf } from "../log/filter";
import type { Hour, Look } from "../shapes";
import { useAuditorStrings } from "../strings";
import { useWatched } from "../watch/useWatch";
import {
  ACTIVITY_SPANS,
  SPAN_MS,
  STEP_MS,
  gather,
  hourOf,
  total,
  type ActivitySpan,
  type Bucket,
} from "./buckets";
import styles from "./activity.module.css";

interface Answer {
  look: Look;
  hours: Hour[];
}

/** The node tells of 31 days at most, whole hours. */
const HOUR_MS = 3_600_000;

export function ActivityPage() {
  const t = useAuditorStrings().activity;
  const [span, setSpan] = useState<ActivitySpan>("day");
  const [untilMs] = useState(() => Date.now());
  const since = new Date(hourOf(untilMs) + HOUR_MS - SPAN_MS[span]).toISOString();
  const view = useWatched<Answer>("log", "/v1/app/audit/activity", { query: { since } });
  return (
    <Page
      title={t.title}
      subtitle={t.subtitle}
      actions={
        <SegmentedControl
          aria-label={t.subtitle}
          value={span}
          onChange={(value) => setSpan(value as ActivitySpan)}
          data={ACTIVITY_SPANS.map((value) => ({ value, label: t.spans[value] }))}
        />
      }
    >
      <Await
        view={view}
        shape="cards"
        isEmpty={({ hours }) => hours.length === 0}
        empty={<Empty icon="chart" title={t.empty} />}
      >
        {({ hours }) => <Shown hours={hours} span={span} untilMs={untilMs} />}
      </Await>
    </Page>
  );
}

function Shown({ hours, span, untilMs }: { hours: Hour[]; span: ActivitySpan; untilMs: number }) {
  const t = useAuditorStrings().activity;
  const buckets = useMemo(
    () => gather(hours, { untilMs, spanMs: SPAN_MS[span], stepMs: STEP_MS[span] }),
    [hours, span, untilMs],
  );
  const sums = total(buckets);
  const label = { day: t.perHour, week: t.per6Hours, month: t.perDay }[span];
  const points = (of: (bucket: Bucket) => number) => buckets.map((one) => ({ x: one.x, y: of(one) }));
  return (
    <div className={styles.page}>
      <dl className={styles.sums}>
        {(["entries", "decisions", "denied", "emergencies"] as const).map((what) => (
          <div
            key={what}
            className={styles.sum}
            data-alarm={(what === "emergencies" && sums[what] > 0) || undefined}
          >
            <dt>{t[what]}</dt>
            <dd>{numberText(sums[what], 0)}</dd>
          </div>
        ))}
      </dl>
      <section>
        <h2>{label}</h2>
        <Plot
          kind="bars"
          label={label}
          series={[{ name: t.entries, points: points((one) => one.entries) }]}
          height={220}
        />
      </section>
      <section>
        <h2>{t.refusals}</h2>
        {sums.denied + sums.emergencies === 0 ? (
          <p className={styles.quiet}>{t.none}</p>
        ) : (
          <>
            <div className={styles.pair}>
              {sums.denied > 0 && (
                <Plot
                  kind="bars"
                  label={t.denied}
                  series={[{ name: t.denied, points: points((one) => one.denied), tone: "wait" }]}
                  height={140}
                />
              )}
              {sums.emergencies > 0 && (
                <Plot
                  kind="bars"
                  label={t.emergencies}
                  series={[{ name: t.emergencies, points: points((one) => one.emergencies), tone: "alarm" }]}
                  height={140}
                />
              )}
            </div>
            <Notable hours={hours} />
          </>
        )}
      </section>
    </div>
  );
}

const NOTABLE_MAX = 12;

/** The hours in which something was refused, the newest first, each a tap from what happened in it. */
function Notable({ hours }: { hours: Hour[] }) {
  const t = useAuditorStrings().activity;
  const rows = hours
    .filter((hour) => hour.denied + hour.emergencies > 0)
    .slice(-NOTABLE_MAX)
    .reverse();
  const look = ({ at }: Hour) =>
    go(placeOf({ since: at, until: new Date(Date.parse(at) + HOUR_MS).toISOString() }));
  return (
    <div className={styles.notable}>
      <DataList
        caption={t.notable}
        rows={rows}
        rowKey={(hour) => hour.at}
        onRow={look}
        columns={[
          { key: "at", title: t.from, render: (hour) => <TimeText at={hour.at} />, primary: true },
          { key: "denied", title: t.denied, render: (hour) => numberText(hour.denied, 0), numeric: true },
          {
            key: "emergencies",
            title: t.emergencies,
            render: (hour) => numberText(hour.emergencies, 0),
            numeric: true,
          },
        ]}
      />
    </div>
  );
}
