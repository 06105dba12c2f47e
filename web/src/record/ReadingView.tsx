/** An opened reading: the value, and the signal that it was taken from. */

import { Plot } from "~/components";
import type { Fhir } from "./fhir";
import { readingName } from "./naming";
import { USUAL, measuredIn } from "./readings";
import { numberText } from "~/strings";
import { useRecordStrings } from "./strings";
import styles from "./record.module.css";

const WAVE_HEIGHT = 120;

export function ReadingView({ resource, kind }: { resource: Fhir; kind: string }) {
  const words = useRecordStrings();
  const { series, wave } = measuredIn(resource, kind);
  const values = series.map(({ samples }) => samples.at(-1)?.value).filter((value) => value !== undefined);
  const unit = series[0]?.unit ?? USUAL[kind]?.unit ?? "";
  return (
    <div className={styles.resource}>
      <p className={styles.value}>
        {values.length === 0
          ? words.noReading
          : `${values.map((value) => numberText(value)).join("/")} ${unit}`}
      </p>
      {wave.length > 0 && (
        <Plot
          label={`${readingName(kind, words)}: ${words.wave}`}
          height={WAVE_HEIGHT}
          series={[{ name: words.wave, points: wave.map(({ at, value }) => ({ x: at, y: value })) }]}
        />
      )}
    </div>
  );
}
