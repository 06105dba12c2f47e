/**
 * A person's record, for whoever may see it: listed, opened, read, plotted, each piece with its seal and its why line.
 *
 * Where to start: `useRecord` (what there is), `openItem` (decide, note, decrypt), `describe` (FHIR in words),
 * `RecordEntry` (one piece), `useVitals` (readings of a visit as they come).
 */

export { describe, type Description, type Fhir } from "./fhir";
export { iconOf, othersOf, personName, readingName, titleOf, whyOf } from "./naming";
export {
  forgetItems,
  openItem,
  openedNow,
  useOpened,
  useOpenings,
  type Content,
  type OpenAsk,
  type Opened,
} from "./opening";
export { OpenedView } from "./OpenedView";
export { factsOf, saveEntryProof } from "./proof";
export { ReadingView } from "./ReadingView";
export { USUAL, joined, measuredIn, type Measured, type Sample } from "./readings";
export { RecordEntry } from "./RecordEntry";
export { ResourceView } from "./ResourceView";
export { useRecordStrings, type RecordWords } from "./strings";
export type { Person, Purpose, ReadingLine, RecordItem, RecordPage, RecordRole, RecordWhy } from "./types";
export { useRecord, type RecordAsk, type RecordList } from "./useRecord";
export { useVitals, vitalsOf, type VitalsAsk } from "./useVitals";
