/** Factors as facts: what each is called, its value, and who vouches for it where that is not the same for all. */

import { TimeText } from "~/components";
import { useLanguage } from "~/strings";
import type { FactorValue, Vouching } from "../model";
import { useFactorStrings } from "../strings";
import styles from "./factors.module.css";
import { nameText, valueText } from "./saying";

export interface Fact {
  readonly name: string;
  readonly value: FactorValue;
  readonly vouching: Vouching;
}

interface Props {
  facts: readonly Fact[];
  /** What to call whoever vouches. */
  nameOf: (did: string) => string;
}

export function FactorFacts({ facts, nameOf }: Props) {
  const words = useFactorStrings();
  const { language } = useLanguage();
  const ways = new Set(facts.map(({ vouching }) => JSON.stringify(vouching)));
  const [first] = facts;
  const order = Object.keys(words.names);
  const place = ({ name }: Fact) => (order.includes(name) ? order.indexOf(name) : order.length);
  return (
    <>
      <dl className={styles.facts}>
        {[...facts]
          .sort((one, other) => place(one) - place(other))
          .map(({ name, value, vouching }) => (
            <div key={name}>
              <dt>{nameText(name, words)}</dt>
              <dd>
                <bdi className={styles.value}>{valueText(value, words, language)}</bdi>
                {ways.size > 1 && <Vouched vouching={vouching} nameOf={nameOf} />}
              </dd>
            </div>
          ))}
      </dl>
      {ways.size === 1 && first !== undefined && <Vouched vouching={first.vouching} nameOf={nameOf} />}
    </>
  );
}

function Vouched({ vouching, nameOf }: { vouching: Vouching; nameOf: Props["nameOf"] }) {
  const words = useFactorStrings();
  return (
    <p className={`${styles.quiet} ${styles.small}`}>
      {vouching.vouched === "self" ? (
        words.ownWord
      ) : (
        <>
          <bdi>{words.vouchedBy(nameOf(vouching.vouched_by))}</bdi>
          {", "}
          {words.verified} <TimeText at={vouching.verified_at} style="date" />
          {"."}
        </>
      )}
    </p>
  );
}
