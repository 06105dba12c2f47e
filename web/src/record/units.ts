/** Units as people read them, from those of UCUM and from what senders write. */

const SAID: Record<string, string> = {
  "beats/minute": "/min",
  "beats/min": "/min",
  "breaths/minute": "/min",
  "mm[Hg]": "mmHg",
  "mm Hg": "mmHg",
  Cel: "°C",
  "[degF]": "°F",
};
/** What stands in braces says what is counted, and is no unit (UCUM, section 6: "annotations"). */
const ANNOTATION = /\{[^{}]*\}/g;

/** `mmHg` of `mm[Hg]`, nothing of `{score}`; what is not known here as it is. */
export function unitText(unit: string): string {
  const plain = unit.replace(ANNOTATION, "").trim();
  return SAID[plain] ?? plain;
}
