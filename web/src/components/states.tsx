/** The states of a page besides its content: loading, empty, failed, offline, not permitted, revoked while open. */

import { Button, Skeleton } from "@mantine/core";
import { type ReactNode } from "react";
import { type ApiError, type View } from "~/session";
import { useStrings } from "~/strings";
import { Icon, type IconName } from "./icons";
import styles from "./words.module.css";

interface StateProps {
  icon: IconName;
  tone?: "alarm" | "wait";
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  role?: "alert" | "status";
}

function State({ icon, tone, title, children, action, role }: StateProps) {
  return (
    <div className={styles.state} role={role}>
      <span className={styles.emblem} data-tone={tone}>
        <Icon name={icon} size={24} />
      </span>
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {action}
    </div>
  );
}

/** The shape of what is to come, so that nothing jumps. */
export function Loading({ shape = "list" }: { shape?: "list" | "cards" | "record" | "text" }) {
  const label = useStrings().states.loading;
  return (
    <div role="status" aria-label={label} aria-busy="true" style={{ display: "grid", gap: 16 }}>
      {SHAPES[shape].map((height, at) => (
        <Skeleton
          key={at}
          height={height}
          width={shape === "text" && at === 3 ? "60%" : "100%"}
          radius="md"
        />
      ))}
    </div>
  );
}

const SHAPES = {
  list: [56, 56, 56, 56],
  cards: [136, 136],
  record: [28, 96, 96, 96],
  text: [18, 18, 18, 18],
};

/** Nothing here yet: one sentence, and the next step. */
export function Empty({
  icon = "circle",
  title,
  action,
}: {
  icon?: IconName;
  title: string;
  action?: ReactNode;
}) {
  return <State icon={icon} title={title} action={action} />;
}

/** What went wrong, whether anything was lost, what to do. */
export function Failure({ error, retry }: { error: ApiError; retry?: () => void }) {
  const words = useStrings().states;
  return (
    <State
      icon="alarm"
      tone="alarm"
      role="alert"
      title={error.title}
      action={retry && <Retry retry={retry} label={words.retry} />}
    >
      {[error.detail, error.hint || words.nothingLost].filter(Boolean).map(sentence).join(" ")}
    </State>
  );
}

export function Offline({ retry }: { retry?: () => void }) {
  const words = useStrings().states;
  return (
    <State
      icon="offline"
      tone="wait"
      role="status"
      title={words.offline}
      action={retry && <Retry retry={retry} label={words.retry} />}
    >
      {words.offlineDetail}
    </State>
  );
}

/** Not hinting at what there might be. `who` can help. */
export function NoPermission({ who }: { who?: string }) {
  const words = useStrings().states;
  return (
    <State icon="lock" title={words.noPermission}>
      {words.noPermissionDetail(who)}
    </State>
  );
}

/** The permission ended while the page was open: what it showed is gone from the screen. */
export function Revoked() {
  const words = useStrings().states;
  return (
    <State icon="lock" tone="wait" role="alert" title={words.revoked}>
      {words.revokedDetail}
    </State>
  );
}

interface AwaitProps<T> {
  view: View<T>;
  shape?: "list" | "cards" | "record" | "text";
  empty?: ReactNode;
  isEmpty?: (data: T) => boolean;
  children: (data: T) => ReactNode;
}

/** All states of a view at once; `children` draws its content. */
export function Await<T>({ view, shape = "list", empty, isEmpty = holdsNothing, children }: AwaitProps<T>) {
  const words = useStrings().states;
  if (view.state === "refused") return view.revoked ? <Revoked /> : <NoPermission />;
  if (view.data === null) {
    if (view.state === "offline") return <Offline retry={view.reload} />;
    if (view.state === "error" && view.error !== null)
      return <Failure error={view.error} retry={view.reload} />;
    return <Loading shape={shape} />;
  }
  return (
    <>
      {(view.state === "offline" || view.state === "error") && (
        <div className={styles.banner} role="status">
          <Icon name={view.state === "offline" ? "offline" : "alarm"} size={18} />
          {words.stale}
        </div>
      )}
      {empty !== undefined && isEmpty(view.data) ? empty : children(view.data)}
    </>
  );
}

function holdsNothing(data: unknown): boolean {
  return Array.isArray(data) && data.length === 0;
}

function Retry({ retry, label }: { retry: () => void; label: string }) {
  return (
    <Button variant="default" onClick={retry} leftSection={<Icon name="refresh" size={18} />}>
      {label}
    </Button>
  );
}

/** The node's messages are lower case and without a full stop; a page speaks in sentences. */
function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(begun) ? begun : `${begun}.`;
}
