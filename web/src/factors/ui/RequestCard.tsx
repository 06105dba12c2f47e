/** Somebody asks for factors: who, for what, until when; shown are those that one ticks, or nothing. */

import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import { Check, Icon, PurposeChip, TimeText } from "~/components";
import { asApiError, nodeClient, type ApiError } from "~/session";
import { useLanguage } from "~/strings";
import { offersFor, type HeldCredential, type Offer } from "../book";
import { factorName, type OpenedRequest } from "../request";
import { useFactorStrings } from "../strings";
import { answer, lookAt, refuse } from "./acts";
import { Failed } from "./Failed";
import styles from "./factors.module.css";
import { lastingText, nameText, valueText, verifierText } from "./saying";
import type { OwnRequest } from "./shapes";

interface Props {
  asked: OwnRequest;
  book: readonly HeldCredential[];
  /** What was done, to be said where the card was. */
  onDone: (what: "shown" | "refused") => void;
}

interface Looked {
  readonly opened: OpenedRequest;
  readonly offers: readonly Offer[];
}

export function RequestCard({ asked, book, onDone }: Props) {
  const words = useFactorStrings();
  const [looked, setLooked] = useState<Looked | null>(null);
  const [busy, setBusy] = useState<"look" | "show" | "refuse" | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (what: "look" | "show" | "refuse", work: () => Promise<void>) => {
    setBusy(what);
    setError(null);
    try {
      await work();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
    setBusy(null);
  };
  const look = async () => {
    const opened = await lookAt(asked);
    const { wallet, origin, clock } = nodeClient();
    setLooked({
      opened,
      offers: offersFor(opened.request, book, { wallet, node: origin, nowMs: clock.nowMs() }),
    });
  };
  return (
    <article className={styles.card} data-waits="true" aria-labelledby={`asked-${asked.presentation}`}>
      <div className={styles.head}>
        <span className={styles.emblem}>
          <Icon name="question" size={22} />
        </span>
        <div className={styles.grow}>
          <h3 id={`asked-${asked.presentation}`}>
            <bdi>{words.askedBy(verifierText(asked.verifier, words))}</bdi>
          </h3>
          <p className={styles.quiet}>
            {words.answerUntil} <TimeText at={asked.expires_at} />
          </p>
        </div>
      </div>
      {looked === null ? (
        <>
          <p className={`${styles.quiet} ${styles.small}`}>{words.lookText}</p>
          <Failed error={error} />
          <div className={styles.row}>
            <Button loading={busy === "look"} onClick={() => void run("look", look)}>
              {words.look}
            </Button>
          </div>
        </>
      ) : (
        <Choosing
          looked={looked}
          busy={busy}
          error={error}
          onShow={(names) =>
            void run("show", async () => {
              await answer(looked.opened, book, names);
              onDone("shown");
            })
          }
          onRefuse={() =>
            void run("refuse", async () => {
              await refuse(asked.presentation);
              onDone("refused");
            })
          }
        />
      )}
    </article>
  );
}

interface ChoosingProps {
  looked: Looked;
  busy: string | null;
  error: ApiError | null;
  onShow: (names: readonly string[]) => void;
  onRefuse: () => void;
}

function Choosing({ looked, busy, error, onShow, onRefuse }: ChoosingProps) {
  const words = useFactorStrings();
  const { offers, opened } = looked;
  const needed = offers.filter(({ wanted }) => !wanted.optional).map(({ wanted }) => factorName(wanted));
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const names = [...needed, ...chosen];
  const choices = offers.filter(({ wanted, factor }) => wanted.optional && factor !== null);
  const isOneGroup = new Set(offers.map(({ wanted }) => wanted.group)).size === 1;
  const lacks = offers.some(({ wanted, factor }) => !wanted.optional && factor === null);
  return (
    <>
      <dl className={styles.facts}>
        <div>
          <dt>{words.what}</dt>
          <dd>
            <PurposeChip purpose={opened.request.purpose} />
          </dd>
        </div>
        <div>
          <dt>{words.relied}</dt>
          <dd>{lastingText(opened.request.relied_seconds, words)}</dd>
        </div>
      </dl>
      <fieldset className={styles.fields}>
        <legend className={styles.value}>{lacks ? words.isAsked : words.wouldShow}</legend>
        <ul className={styles.choices}>
          {offers.map((offer) => (
            <li key={factorName(offer.wanted)}>
              <Choice
                offer={offer}
                group={isOneGroup ? "" : words.groups[offer.wanted.group]}
                checked={chosen.includes(factorName(offer.wanted))}
                onChange={(yes) => {
                  const name = factorName(offer.wanted);
                  setChosen(yes ? [...chosen, name] : chosen.filter((one) => one !== name));
                }}
              />
            </li>
          ))}
        </ul>
      </fieldset>
      <p className={`${styles.quiet} ${styles.small}`}>{lacks ? words.cannot : words.nothingElse}</p>
      <Failed error={error} />
      <div className={styles.row}>
        {!lacks && (
          <Button
            loading={busy === "show"}
            disabled={busy === "refuse" || names.length === 0}
            onClick={() => onShow(names)}
          >
            {words.show(names.length)}
          </Button>
        )}
        {choices.length > chosen.length && !lacks && (
          <Button
            variant="default"
            disabled={busy !== null}
            onClick={() => setChosen(choices.map(({ wanted }) => factorName(wanted)))}
          >
            {words.chooseAll}
          </Button>
        )}
        <Button variant="default" loading={busy === "refuse"} disabled={busy === "show"} onClick={onRefuse}>
          {words.refuse}
        </Button>
      </div>
    </>
  );
}

/** What is needed is shown as it will be; what may be left out has a box to tick. */
function Choice({
  offer: { wanted, factor },
  group,
  checked,
  onChange,
}: {
  offer: Offer;
  group: string;
  checked: boolean;
  onChange: (yes: boolean) => void;
}) {
  const words = useFactorStrings();
  const { language } = useLanguage();
  const label = (
    <>
      {nameText(wanted.name, words)}
      {group !== "" && ` (${group})`}
      {": "}
      {factor === null ? (
        words.notHeld
      ) : (
        <bdi className={styles.value}>{valueText(factor.value, words, language)}</bdi>
      )}
    </>
  );
  const detail = wanted.optional ? words.optional : words.needed;
  if (!wanted.optional || factor === null)
    return (
      <Check
        state={factor !== null ? "done" : wanted.optional ? "todo" : "failed"}
        label={label}
        detail={detail}
      />
    );
  return (
    <Checkbox
      checked={checked}
      onChange={(event) => onChange(event.currentTarget.checked)}
      label={label}
      description={detail}
    />
  );
}
