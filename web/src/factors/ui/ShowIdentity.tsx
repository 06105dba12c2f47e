/** In a visit's check-in: whoever holds an identity credential shows who they are, instead of being asked for it. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Icon } from "~/components";
import { go } from "~/router";
import { asApiError, type ApiError } from "~/session";
import { useFactorStrings } from "../strings";
import { showInVisit } from "./acts";
import { Failed } from "./Failed";
import { FactorFacts } from "./FactorFacts";
import styles from "./factors.module.css";
import { identityIn, type Identity } from "./identity";
import { hostIn, issuerText } from "./saying";
import { holding, saidOf, useFactors } from "./useFactors";

interface Props {
  visit: string;
  /** Who leads the visit, by name. */
  who: string;
  /** Where one's credentials are accepted. */
  place: string;
  onShown: () => void;
}

/** Nothing where nothing is held and nothing waits: then all is as it was. */
export default function ShowIdentity({ visit, who, place, onShown }: Props) {
  const words = useFactorStrings().visit;
  const factors = useFactors();
  const nowMs = Date.parse(factors.view.data?.now ?? "");
  const identity = Number.isFinite(nowMs) ? identityIn(holding(factors), nowMs) : null;
  const said = factors.view.data?.credentials ?? [];
  if (identity !== null) {
    const issuer = issuerText(identity.held.credential.issuer, saidOf(identity.held, said)?.issuer ?? null);
    return <Showing visit={visit} who={who} identity={identity} issuer={issuer} onShown={onShown} />;
  }
  if (!said.some(({ group, waits }) => waits && group === "identity") || factors.kept === null) return null;
  return (
    <section className={styles.card}>
      <p>{words.waits}</p>
      <div>
        <Button variant="default" onClick={() => go(place)}>
          {words.accept}
        </Button>
      </div>
    </section>
  );
}

interface ShowingProps extends Omit<Props, "place"> {
  identity: Identity;
  issuer: string;
}

function Showing({ visit, who, identity, issuer, onShown }: ShowingProps) {
  const words = useFactorStrings();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const { held, factors, wanted } = identity;
  const show = async () => {
    setBusy(true);
    setError(null);
    try {
      await showInVisit(visit, wanted, [held]);
      onShown();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
    setBusy(false);
  };
  return (
    <section className={styles.card} data-waits="true" aria-labelledby="show-identity">
      <div>
        <h3 id="show-identity">{words.visit.title}</h3>
        <p className={styles.quiet}>{words.visit.text(who)}</p>
      </div>
      <FactorFacts
        facts={factors}
        nameOf={(did) => (did === held.credential.issuer ? issuer : hostIn(did))}
      />
      <Failed error={error} />
      <div className={styles.row}>
        <Button
          variant="outline"
          loading={busy}
          leftSection={<Icon name="person" size={20} />}
          onClick={() => void show()}
        >
          {words.visit.button}
        </Button>
        <span className={`${styles.quiet} ${styles.small}`}>{words.nothingElse}</span>
      </div>
    </section>
  );
}
