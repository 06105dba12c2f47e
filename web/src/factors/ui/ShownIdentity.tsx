/** For the clinician of a visit: what a participant showed of who they are. Looking is a signed command of its own. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Icon, TimeText } from "~/components";
import { asApiError, command, type ApiError } from "~/session";
import type { Vouching } from "../model";
import { useFactorStrings } from "../strings";
import { Failed } from "./Failed";
import { FactorFacts } from "./FactorFacts";
import styles from "./factors.module.css";
import { hostIn } from "./saying";

interface ShownFactor extends Vouching {
  group: string;
  name: string;
  value: string;
}

interface Shown {
  factors: { presented_at: string; credentials: { own_word: boolean; factors: ShownFactor[] }[] };
}

export default function ShownIdentity({ presentation }: { presentation: string }) {
  const words = useFactorStrings().clinician;
  const [shown, setShown] = useState<Shown | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const look = async () => {
    setBusy(true);
    setError(null);
    try {
      const receipt = await command("presentation.read/1", { presentation, vp: false });
      setShown(receipt.results[0] as unknown as Shown);
    } catch (thrown) {
      setError(asApiError(thrown));
    }
    setBusy(false);
  };
  if (shown === null) {
    return (
      <div className={styles.stack} style={{ marginBlockStart: 8 }}>
        <div>
          <Button
            variant="default"
            loading={busy}
            leftSection={<Icon name="eye" size={18} />}
            onClick={() => void look()}
          >
            {words.look}
          </Button>
        </div>
        <span className={styles.small}>{words.lookNote}</span>
        <Failed error={error} />
      </div>
    );
  }
  const facts = identityFacts(shown);
  if (facts.length === 0) return <p className={styles.quiet}>{words.gone}</p>;
  return (
    <div role="status">
      <FactorFacts facts={facts} nameOf={hostIn} />
      <p className={`${styles.quiet} ${styles.small}`}>
        {words.shownAt} <TimeText at={shown.factors.presented_at} />
        {". "}
        {words.compare}
      </p>
    </div>
  );
}

/** The factors of an identity that somebody else vouches for; what else a presentation may show is not asked here. */
function identityFacts({ factors }: Shown) {
  return factors.credentials
    .filter(({ own_word: own }) => !own)
    .flatMap((credential) => credential.factors)
    .filter(({ group, vouched }) => group === "identity" && vouched === "issuer")
    .map(({ name, value, vouched, vouched_by, verified_at }) => ({
      name,
      value,
      vouching: { vouched, vouched_by, verified_at },
    }));
}
