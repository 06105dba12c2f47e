/** All parts that pages are made of. */

export { Mark } from "~/theme/Mark";
export { Confirm } from "./Confirm";
export { ByHand, useCopy } from "./copying";
export { DataList, type Column } from "./DataList";
export { Glass } from "./Glass";
export { Icon, type IconName } from "./icons";
export { Page } from "./Page";
export { Pill } from "./Pill";
export { Plot, type Series, type Tone } from "./Plot";
export { ProofDrawer, type ProofFacts } from "./ProofDrawer";
export { safeName, saveBlob } from "./saving";
export { Seal, type Level } from "./Seal";
export { Await, Empty, Failure, Loading, NoPermission, Offline, Revoked } from "./states";
export { TimeText, useNow } from "./TimeText";
export { VitalsStrip, type Vital } from "./VitalsStrip";
export { Check, CopyText, PurposeChip, WhyLine, type CheckState } from "./words";
