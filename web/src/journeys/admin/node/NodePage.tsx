/** How the node does, on one page: writer, queue, blocks, witnesses, chains, storage, devices, interfaces. */

import { useEffect, useState, type ReactNode } from "react";
import { journeysOf } from "~/app/journeys";
import { Await, Check, Icon, Page, Plot, TimeText } from "~/components";
import { Link } from "~/router";
import { useMe } from "~/session";
import { bytesText, numberText } from "~/strings";
import { useChainName } from "~/strings/chains";
import { useWatched } from "../../auditor/watch/useWatch";
import type { Anchor, Health, Peer } from "../shapes";
import { anchorState, attentionOf, newestOf, standingOf, type Matter } from "./standing";
import { useAdminStrings } from "../strings";
import styles from "./node.module.css";

/** Each look leaves an entry, so that a page left open is not looked at more often than this. */
const EVERY_MS = 15_000;
/** Half an hour of looks. */
const RATES_MAX = 120;

export function NodePage() {
  const t = useAdminStrings().node;
  const visible = useVisible();
  const view = useWatched<Health>(
    "administration",
    "/v1/app/admin/health",
    visible ? { every_ms: EVERY_MS } : {},
  );
  const rates = useRates(view.data);
  return (
    <Page title={t.title} subtitle={view.data?.origin ?? t.every}>
      <Await view={view} shape="cards">
        {(health) => <Shown health={health} rates={rates} />}
      </Await>
    </Page>
  );
}

function Shown({ health, rates }: { health: Health; rates: readonly { x: number; y: number }[] }) {
  const t = useAdminStrings().node;
  return (
    <div className={styles.page}>
      <Summary health={health} />
      <Tiles health={health} />
      {rates.length > 1 && (
        <section>
          <h2>{t.rate}</h2>
          <Plot label={t.rateLabel} series={[{ name: t.rate, points: rates }]} height={120} />
        </section>
      )}
      <div className={styles.columns}>
        <section>
          <h2>{t.peers}</h2>
          <Peers peers={health.peers} nowMs={Date.parse(health.at)} />
        </section>
        <section>
          <h2>{t.anchors}</h2>
          <Anchors anchors={health.anchors} />
        </section>
        <section>
          <h2>{t.storage}</h2>
          <Storage storage={health.storage} />
        </section>
        <section>
          <h2>{t.devices}</h2>
          <Devices devices={health.devices} />
        </section>
      </div>
    </div>
  );
}

/** All is well only where nothing waits for somebody; what does is said, with the place where it is handled. */
function Summary({ health }: { health: Health }) {
  const t = useAdminStrings().node;
  const matters = attentionOf(health);
  const status = health.status === "ok" && matters.length > 0 ? "waits" : health.status;
  return (
    <div className={styles.status} data-status={status} role="status">
      <Icon name={status === "ok" ? "check" : status === "waits" ? "waiting" : "alarm"} size={24} />
      <div>
        <strong>{t.status[status]}</strong>
        <div>{t.statusDetail[health.status]}</div>
        {matters.length > 0 && (
          <ul className={styles.matters}>
            {matters.map(({ matter, count }) => (
              <li key={matter}>
                {t.attention[matter](count)} <Handle matter={matter} />
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

/** Where something is handled; witnesses and chains stand further down, each with what it lacks. */
function Handle({ matter }: { matter: Matter }) {
  const t = useAdminStrings().node.handle;
  const judges = journeysOf(useMe()).includes("auditor");
  if (matter === "alarms")
    return judges ? <Link to="/auditor">{t.judge}</Link> : <Link to="/admin/people/roles">{t.officers}</Link>;
  if (matter === "dead") return <Link to="/admin/contracts/interfaces">{t.dead}</Link>;
  return matter === "quarantined" ? <Link to="/admin/devices">{t.quarantined}</Link> : null;
}

function Tiles({ health }: { health: Health }) {
  const strings = useAdminStrings();
  const t = strings.node;
  const { checkpoint, writer, queued, queue_max, index } = health;
  return (
    <dl className={styles.tiles}>
      <Tile name={t.rate} value={numberText(writer.per_second, 1)}>
        {t.last} <TimeText at={writer.last_at} style="ago" />
      </Tile>
      <Tile name={t.queue} value={numberText(queued, 0)} isBad={queued > queue_max / 2}>
        {t.queueOf(numberText(queue_max, 0))}
      </Tile>
      <Tile
        name={t.checkpoint}
        value={checkpoint === null ? t.noCheckpoint : <TimeText at={checkpoint.signed_at} style="ago" />}
      >
        {checkpoint !== null &&
          (checkpoint.waiting === 0 ? t.allIn : t.waiting(numberText(checkpoint.waiting, 0)))}
      </Tile>
      <Tile name={t.entries} value={numberText(health.entries, 0)}>
        {t.index}: {index.behind === 0 ? t.upToDate : t.behind(numberText(index.behind, 0))}
      </Tile>
      <Tile name={t.alarms} value={numberText(health.alarms, 0)} isBad={health.alarms > 0} />
      <Tile name={t.dead} value={numberText(health.dead, 0)} isBad={health.dead > 0}>
        <Link to="/admin/contracts/interfaces">{t.interfaces}</Link>
      </Tile>
      {health.sessions !== null && <Tile name={t.sessions} value={numberText(health.sessions, 0)} />}
    </dl>
  );
}

interface TileProps {
  name: string;
  value: ReactNode;
  isBad?: boolean;
  children?: ReactNode;
}

function Tile({ name, value, isBad = false, children }: TileProps) {
  return (
    <div className={styles.tile} data-bad={isBad || undefined}>
      <dt>{name}</dt>
      <dd className={styles.value}>{value}</dd>
      {children !== undefined && children !== false && <dd className={styles.note}>{children}</dd>}
    </div>
  );
}

function Peers({ peers, nowMs }: { peers: readonly Peer[]; nowMs: number }) {
  const t = useAdminStrings().node;
  if (peers.length === 0) return <p className={styles.quiet}>{t.noPeers}</p>;
  return (
    <ul className={styles.list}>
      {peers.map((peer) => (
        <li key={peer.name}>
          <Check
            state={standingOf(peer, nowMs)}
            label={
              <>
                <strong>{peer.name}</strong> · {t.roles[peer.role] ?? peer.role}
              </>
            }
            detail={
              <>
                {peer.organisation}.{" "}
                {peer.fault !== ""
                  ? t.faulty
                  : peer.behind === 0
                    ? t.fine
                    : t.behind(numberText(peer.behind, 0))}
                {", "}
                {t.answered.toLowerCase()}{" "}
                {peer.answered_at === null ? (
                  t.never.toLowerCase()
                ) : (
                  <TimeText at={peer.answered_at} style="ago" />
                )}
                <Exactly says={peer.says || peer.fault} />
              </>
            }
          />
        </li>
      ))}
    </ul>
  );
}

/** Of each chain the newest that is done, and the newest that is on its way. */
function Anchors({ anchors }: { anchors: readonly Anchor[] }) {
  const t = useAdminStrings().node;
  const called = useChainName();
  if (anchors.length === 0) return <p className={styles.quiet}>{t.noAnchors}</p>;
  return (
    <ul className={styles.list}>
      {newestOf(anchors).map((one) => (
        <li key={`${one.network} ${one.size} ${one.begun_at}`}>
          <Check
            state={anchorState(one.phase)}
            label={
              <>
                <strong title={one.network}>{called(one.network)}</strong> ·{" "}
                {t.upTo(numberText(one.size - 1, 0))}
              </>
            }
            detail={
              <>
                {t.phases[one.phase] ?? one.phase}, <TimeText at={one.done_at ?? one.begun_at} style="ago" />
                {one.cost !== null && <>, {one.cost}</>}
                <Exactly says={one.says} />
              </>
            }
          />
        </li>
      ))}
    </ul>
  );
}

/** The node speaks English, and exactly: kept for whoever has to find the cause. */
function Exactly({ says }: { says: string }) {
  const t = useAdminStrings().node;
  if (says === "") return null;
  return (
    <details className={styles.exactly}>
      <summary>{t.exactly}</summary>
      <span className={styles.says} lang="en">
        {says}
      </span>
    </details>
  );
}

function Storage({ storage }: { storage: Health["storage"] }) {
  const t = useAdminStrings().node;
  const most = Math.max(1, ...storage.map((one) => one.bytes ?? 0));
  const free = storage.find((one) => one.free_bytes !== null)?.free_bytes ?? null;
  return (
    <>
      <ul className={styles.bars}>
        {storage.map(({ what, bytes }) => (
          <li key={what}>
            <span>{t.parts[what] ?? what}</span>
            <span className={styles.track} aria-hidden>
              <span style={{ width: `${((bytes ?? 0) / most) * 100}%` }} />
            </span>
            <span className={styles.size}>{bytes === null ? t.elsewhere : bytesText(bytes)}</span>
          </li>
        ))}
      </ul>
      {free !== null && <p className={styles.quiet}>{t.free(bytesText(free))}</p>}
    </>
  );
}

function Devices({ devices }: { devices: Health["devices"] }) {
  const t = useAdminStrings().node;
  const rows: [string, number][] = [
    [t.enrolled, devices.enrolled],
    [t.lately, devices.connected_lately],
    [t.quarantined, devices.quarantined],
    [t.revoked, devices.revoked],
  ];
  return (
    <dl className={styles.counts}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{numberText(value, 0)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What the writer did at each look, for the plot. */
function useRates(health: Health | null) {
  const [rates, setRates] = useState<{ x: number; y: number }[]>([]);
  const at = health?.at;
  const rate = health?.writer.per_second;
  useEffect(() => {
    if (at === undefined || rate === undefined) return;
    setRates((before) => [...before, { x: Date.parse(at), y: rate }].slice(-RATES_MAX));
  }, [at, rate]);
  return rates;
}

/** A page in the background is not looked at. */
function useVisible(): boolean {
  const [visible, setVisible] = useState(() => document.visibilityState === "visible");
  useEffect(() => {
    const look = () => setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return visible;
}
