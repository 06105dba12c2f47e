/** Agreeing to be recorded: the words of the consent in force are shown before one can. */

import { Await, Confirm } from "~/components";
import { useView } from "~/session";
import { useLanguage } from "~/strings";
import type { ConsentText, Visit } from "../shapes";
import { useClinicianStrings } from "../strings";
import { consent } from "../visits";

interface Props {
  visit: Pick<Visit, "visit">;
  opened: boolean;
  onClose: () => void;
}

export function RecordingDialog({ visit, opened, onClose }: Props) {
  const words = useClinicianStrings().recording;
  const { language } = useLanguage();
  const view = useView<{ texts: ConsentText[] }>(opened ? "/v1/app/consent-texts" : null, {
    query: { language },
  });
  const text = view.data?.texts.find(({ kind }) => kind === "recording");
  return (
    <Confirm
      opened={opened}
      title={words.agree}
      confirm={words.agree}
      notYet={text === undefined}
      onConfirm={async () => {
        if (text !== undefined) await consent(visit.visit, text);
      }}
      onClose={onClose}
    >
      <Await view={view} shape="text">
        {() => <span lang={text?.language}>{text?.text ?? words.noText}</span>}
      </Await>
    </Confirm>
  );
}
