/** The auditor's journey: the log as it happens, decisions and their replay, blocks, the monitor's findings, proofs. */

import { defineJourney } from "~/app/journey";
import { EntryPage } from "./entry/EntryPage";
import { ActivityPage } from "./activity/ActivityPage";
import { BlocksPage } from "./blocks/BlocksPage";
import { FindingsPage } from "./findings/FindingsPage";
import { LogPage } from "./log/LogPage";
import { useAuditorStrings } from "./strings";
import { TakePage } from "./taking/TakePage";
import { useChosen } from "./taking/basket";
import { Watched } from "./watch/Watched";

export default defineJourney({
  useMenu: () => {
    const t = useAuditorStrings().menu;
    return [
      { to: "/auditor", label: t.log, icon: "list" },
      { to: "/auditor/activity", label: t.activity, icon: "chart" },
      { to: "/auditor/blocks", label: t.blocks, icon: "blocks" },
      { to: "/auditor/findings", label: t.findings, icon: "eye" },
      { to: "/auditor/take", label: t.take, icon: "download", badge: useChosen().size },
    ];
  },
  Page: function AuditorPage({ path }) {
    const t = useAuditorStrings();
    return (
      <Watched scope="log" title={t.log.title}>
        <Place path={path} />
      </Watched>
    );
  },
});

function Place({ path }: { path: readonly string[] }) {
  const [place = "", id = ""] = path;
  switch (place) {
    case "entries":
      return <EntryPage position={/^\d{1,15}$/.test(id) ? Number(id) : null} />;
    case "activity":
      return <ActivityPage />;
    case "blocks":
      return <BlocksPage />;
    case "findings":
      return <FindingsPage />;
    case "take":
      return <TakePage />;
    default:
      return <LogPage />;
  }
}
