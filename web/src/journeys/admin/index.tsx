/** The administrator's journey: how the node does, who is registered and what they may, rules, contracts, interfaces. */

import { defineJourney } from "~/app/journey";
import { Watched } from "../auditor/watch/Watched";
import { ConnectorsPage } from "./contracts/ConnectorsPage";
import { ContractPage } from "./contracts/ContractPage";
import { ContractsPage } from "./contracts/ContractsPage";
import { DevicesPage } from "./devices/DevicesPage";
import { NodePage } from "./node/NodePage";
import { LinksPage } from "./people/LinksPage";
import { PeoplePage } from "./people/PeoplePage";
import { RolesPage } from "./people/RolesPage";
import { PoliciesPage } from "./policies/PoliciesPage";
import { useAdminStrings } from "./strings";

export default defineJourney({
  useMenu: () => {
    const t = useAdminStrings().menu;
    return [
      { to: "/admin", label: t.node, icon: "server" },
      { to: "/admin/people", label: t.people, icon: "people" },
      { to: "/admin/devices", label: t.devices, icon: "device" },
      { to: "/admin/policies", label: t.policies, icon: "shield" },
      { to: "/admin/contracts", label: t.contracts, icon: "code" },
    ];
  },
  Page: function AdminPage({ path }) {
    const t = useAdminStrings();
    return (
      <Watched scope="administration" title={t.node.title}>
        <Place path={path} />
      </Watched>
    );
  },
});

function Place({ path }: { path: readonly string[] }) {
  const [place = "", id = ""] = path;
  switch (place) {
    case "people":
      return id === "roles" ? <RolesPage /> : id === "links" ? <LinksPage /> : <PeoplePage />;
    case "devices":
      return <DevicesPage />;
    case "policies":
      return <PoliciesPage />;
    case "contracts":
      return id === "" ? (
        <ContractsPage />
      ) : id === "interfaces" ? (
        <ConnectorsPage />
      ) : (
        <ContractPage contract={id} />
      );
    default:
      return <NodePage />;
  }
}
