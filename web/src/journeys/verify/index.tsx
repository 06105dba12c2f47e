/** The verifier as a journey, for frames that list it; it needs neither a session nor a network. */

import { defineJourney } from "~/app/journey";
import { useLanguage } from "~/strings";
import { VerifyPage } from "./VerifyPage";
import { pageWords } from "./strings";

export default defineJourney({
  useMenu: () => [{ to: "/verify", label: pageWords(useLanguage().language).title, icon: "proof" }],
  Page: function Verify() {
    return <VerifyPage language={useLanguage().language} />;
  },
});
