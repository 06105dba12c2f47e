/** What is shown only under a watch: nothing before it is open, nothing after it is over, and each time why. */

import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Empty, Failure, Icon, Loading, NoPermission, Offline, Page, Revoked, WhyLine } from "~/components";
import { asApiError } from "~/session";
import type { Over, Scope } from "./keeper";
import { keeperOf } from "./keepers";
import { useWatchStrings } from "./strings";
import { useWatch } from "./useWatch";
import styles from "./watch.module.css";

interface Props {
  scope: Scope;
  /** The heading while nothing can be shown. */
  title: string;
  children: ReactNode;
}

/** Who else is refused than by the rules: nothing that a page could mend. */
const REFUSED = new Set(["access-denied", "access-ended", "not-permitted", "decision-denied"]);

export function Watched({ scope, title, children }: Props) {
  const state = useWatch(scope);
  const words = useWatchStrings();
  const again = () => keeperOf(scope).again();
  if (state.is === "open") {
    return (
      <>
        {children}
        <footer className={styles.noted}>
          <WhyLine>{words.noted}</WhyLine>
        </footer>
      </>
    );
  }
  return (
    <Page title={title}>
      {state.is === "opening" && <Loading shape="list" />}
      {state.is === "over" && <IsOver why={state.why} again={again} />}
      {state.is === "refused" && <Refused scope={scope} thrown={state.error} again={again} />}
    </Page>
  );
}

function IsOver({ why, again }: { why: Over; again: () => void }) {
  const words = useWatchStrings();
  if (why === "access-ended") return <Revoked />;
  return (
    <>
      <Empty icon="clock" title={words.over[why]} />
      <p className={styles.why}>{words.why[why]}</p>
      <Button onClick={again} leftSection={<Icon name="eye" size={18} />}>
        {words.again}
      </Button>
    </>
  );
}

function Refused({ scope, thrown, again }: { scope: Scope; thrown: unknown; again: () => void }) {
  const words = useWatchStrings();
  const error = asApiError(thrown);
  if (error.code === "offline") return <Offline retry={again} />;
  if (REFUSED.has(error.code)) {
    return <NoPermission who={scope === "log" ? words.whoLog : words.whoAdministration} />;
  }
  return <Failure error={error} retry={again} />;
}
