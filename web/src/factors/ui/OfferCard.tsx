/** A credential that waits for this person: from whom, of what kind, and one button. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Icon, TimeText } from "~/components";
import { asApiError, type ApiError } from "~/session";
import { useFactorStrings } from "../strings";
import { acceptOffer } from "./acts";
import { GROUP_ICONS } from "./CredentialCard";
import { Failed } from "./Failed";
import styles from "./factors.module.css";
import { issuerText } from "./saying";
import type { OwnCredential } from "./shapes";

export function OfferCard({ offered, onAccepted }: { offered: OwnCredential; onAccepted: () => void }) {
  const words = useFactorStrings();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const accept = async () => {
    setBusy(true);
    setError(null);
    try {
      await acceptOffer(offered);
      onAccepted();
    } catch (thrown) {
      setError(asApiError(thrown));
      setBusy(false);
    }
  };
  return (
    <article className={styles.card} data-waits="true" aria-labelledby={`offer-${offered.credential}`}>
      <div className={styles.head}>
        <span className={styles.emblem}>
          <Icon name={GROUP_ICONS[offered.group] ?? "gift"} size={22} />
        </span>
        <div className={styles.grow}>
          <h3 id={`offer-${offered.credential}`}>{words.groups[offered.group]}</h3>
          <p className={styles.quiet}>
            {words.until} <TimeText at={offered.expires_at} style="date" />
          </p>
        </div>
      </div>
      <p>
        <bdi>{words.offeredText(issuerText(offered.did, offered.issuer))}</bdi>
      </p>
      <Failed error={error} />
      <div>
        <Button loading={busy} onClick={() => void accept()}>
          {words.accept}
        </Button>
      </div>
    </article>
  );
}
