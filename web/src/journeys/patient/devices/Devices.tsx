/** My devices, and what they measured: plots first, each reading with its seal on demand. */

import { Badge, Button } from "@mantine/core";
import { useState } from "react";
import { Await, Empty, Icon, Page, TimeText, WhyLine } from "~/components";
import { RecordEntry } from "~/record";
import { useView } from "~/session";
import { RecordTabs } from "../record/Record";
import type { OwnDevice } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";
import { KindPlot } from "./KindPlot";
import { useReadings } from "./useReadings";

const ROWS = 30;
const LOOK_MS = 15_000;
const LISTED = 10;

export function Devices() {
  const words = usePatientStrings().devices;
  const devices = useView<{ devices: OwnDevice[] }>("/v1/app/my/devices", { every_ms: 60_000 });
  return (
    <Page title={words.title} width="text">
      <RecordTabs />
      <Plots />
      <section className={styles.section}>
        <h2>{words.devices}</h2>
        <Await
          view={devices}
          shape="cards"
          isEmpty={({ devices: list }) => list.length === 0}
          empty={<p className={styles.quiet}>{words.none}</p>}
        >
          {({ devices: list }) => (
            <div className={styles.stack}>
              {list.map((device) => (
                <DeviceCard key={device.device.id} device={device} />
              ))}
            </div>
          )}
        </Await>
      </section>
    </Page>
  );
}

function Plots() {
  const words = usePatientStrings().devices;
  const { list, kinds, left } = useReadings({ rows: ROWS, every_ms: LOOK_MS });
  const [shown, setShown] = useState(false);
  const count = list.items.length;
  return (
    <section className={styles.section}>
      <h2>{words.readings}</h2>
      <Await
        view={list}
        shape="cards"
        isEmpty={({ items }) => items.length === 0}
        empty={<Empty icon="pulse" title={`${words.noReadings} ${words.noReadingsHint}`} />}
      >
        {() => (
          <>
            <p className={styles.quiet} role="status">
              {left > 0 && words.opening(count - left, count)}
            </p>
            {kinds.map((kind) => (
              <KindPlot key={kind.kind} kind={kind} />
            ))}
            <WhyLine>{words.why}</WhyLine>
            <div className={styles.row}>
              {list.more !== null && (
                <Button variant="default" loading={list.loadingMore} onClick={list.more}>
                  {words.older}
                </Button>
              )}
              <Button
                variant="subtle"
                aria-expanded={shown}
                leftSection={<Icon name={shown ? "up" : "down"} size={18} />}
                onClick={() => setShown(!shown)}
              >
                {shown ? words.hide : words.list}
              </Button>
            </div>
            {shown &&
              list.items
                .slice(0, LISTED)
                .map((item) => <RecordEntry key={item.object} item={item} purpose="patient-request" />)}
          </>
        )}
      </Await>
    </section>
  );
}

function DeviceCard({ device }: { device: OwnDevice }) {
  const words = usePatientStrings().devices;
  const inUse = device.state === "enrolled";
  return (
    <article className={styles.card}>
      <div className={styles.cardHead}>
        <span className={styles.emblem}>
          <Icon name="device" size={22} />
        </span>
        <div className={styles.grow}>
          <h3>{device.model}</h3>
          <p className={styles.quiet}>{device.maker}</p>
        </div>
        <Badge
          size="lg"
          tt="none"
          variant="light"
          color={inUse ? "teal" : "red"}
          className={styles.badge ?? ""}
        >
          {(words.states as Record<string, string>)[device.state] ?? device.state}
        </Badge>
      </div>
      <dl className={styles.facts}>
        <div>
          <dt>{words.connected}</dt>
          <dd>
            {device.connected_at === null ? (
              words.neverConnected
            ) : (
              <TimeText at={device.connected_at} style="ago" />
            )}
          </dd>
        </div>
      </dl>
    </article>
  );
}
