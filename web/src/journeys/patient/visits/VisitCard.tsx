/** One visit as a thing: with whom, when, how far it is, and the one button that matters. */

import { Badge, Button } from "@mantine/core";
import { Icon, TimeText, useNow } from "~/components";
import { go, pathOf } from "~/router";
import { isOver, leadName } from "../people";
import type { Visit } from "../shapes";
import { usePatientStrings } from "../strings";
import styles from "../patient.module.css";

/** From then on one is expected; before, one can get ready. */
const SOON_MS = 15 * 60 * 1000;

export function VisitCard({ visit, now }: { visit: Visit; now: string }) {
  const words = usePatientStrings();
  const [ahead] = [Date.parse(now) - Date.now()];
  const nowMs = useNow(15_000) + (Number.isFinite(ahead) && Math.abs(ahead) > 30_000 ? ahead : 0);
  const over = isOver(visit);
  const startsMs = Date.parse(visit.starts_at ?? "");
  const soon = visit.phase === "underway" || (Number.isFinite(startsMs) && startsMs - nowMs < SOON_MS);
  const open = () => go(pathOf("patient", "visits", visit.visit));
  return (
    <article className={styles.card} data-soon={!over && soon}>
      <div className={styles.cardHead}>
        <span className={styles.emblem}>
          <Icon name={over ? "calendar" : "visit"} size={22} />
        </span>
        <div className={styles.grow}>
          <h3>
            {over ? (
              <a className={styles.plainLink} href={`#${pathOf("patient", "visits", visit.visit)}`}>
                {words.visits.visitWith(leadName(visit, words))}
              </a>
            ) : (
              words.visits.visitWith(leadName(visit, words))
            )}
          </h3>
          <p className={styles.quiet}>
            {visit.starts_at === null ? (
              <TimeText at={visit.opened_at} />
            ) : (
              <>
                <TimeText at={visit.starts_at} />
                {visit.minutes !== null && `, ${words.visits.minutes(visit.minutes)}`}
              </>
            )}
          </p>
          {!over && Number.isFinite(startsMs) && (
            <p className={styles.strong}>
              {visit.phase === "underway" || startsMs <= nowMs ? (
                words.home.now
              ) : (
                <TimeText at={visit.starts_at} style="until" />
              )}
            </p>
          )}
        </div>
        {over && (
          <Badge variant="light" color="gray" tt="none" size="lg" className={styles.badge ?? ""}>
            {visit.outcome === null ? words.visits.phases[visit.phase] : words.visits.outcomes[visit.outcome]}
          </Badge>
        )}
      </div>
      {!over && (
        <Button
          size="md"
          variant={soon ? "filled" : "default"}
          onClick={open}
          rightSection={<Icon name="forward" size={18} />}
        >
          {soon ? words.home.join : words.home.prepare}
        </Button>
      )}
    </article>
  );
}
