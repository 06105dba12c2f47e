/** Whether there is a privacy officer who was told, the line under a piece does not know: so it does not say it. */

import { expect, test } from "vitest";
import { en } from "./en";
import { es } from "./es";

test("a piece seen in an emergency claims nobody's being told but the patient's", () => {
  for (const { sees } of [en, es]) expect(sees.emergency).not.toMatch(/privacy|privacidad/);
});
