/** One line at the start where a credential waits, or somebody asks for factors: both are easily missed where they are. */

import { Icon } from "~/components";
import { useFactorStrings } from "~/factors/strings";
import type { OwnFactors } from "~/factors/ui/shapes";
import { Link } from "~/router";
import { useView } from "~/session";
import styles from "../patient.module.css";

const LOOK_MS = 60_000;

export function FactorNews() {
  const words = useFactorStrings().home;
  const { data } = useView<OwnFactors>("/v1/app/my/factors", { every_ms: LOOK_MS });
  if (data === null) return null;
  const isAsked = data.requests.length > 0;
  if (!isAsked && !data.credentials.some(({ waits }) => waits)) return null;
  return (
    <p className={styles.notice} role="status">
      <Icon name={isAsked ? "question" : "proof"} size={18} />
      <span>
        {isAsked ? words.asked : words.offered} <Link to="/patient/factors">{words.see}</Link>
      </span>
    </p>
  );
}
