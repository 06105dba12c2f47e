// Decides with npm `@cedar-policy/cedar-wasm`, Cedar compiled for JavaScript by its own authors.
//
// Standard input: {modules, schema, sets: [{policies: {id: text}, cases: [{principal, action, resource, context,
// entities}]}]}. Standard output: for each set, for each case {allowed, reasons, failed} or {input}.
import {createRequire} from "node:module";
import {join} from "node:path";
import {readFileSync} from "node:fs";

const {modules, schema, sets} = JSON.parse(readFileSync(0, "utf8"));
const cedar = createRequire(join(modules, "judge.cjs"))("@cedar-policy/cedar-wasm/nodejs");

const must = (answer) => {
  if (answer.type !== "success") throw new Error(JSON.stringify(answer));
};

must(cedar.preparseSchema("schema", schema));
const answers = sets.map(({policies, cases}, number) => {
  must(cedar.preparsePolicySet(`set${number}`, {staticPolicies: policies}));
  return cases.map((given) => {
    const answer = cedar.statefulIsAuthorized({
      ...given, preparsedSchemaName: "schema", validateRequest: true, preparsedPolicySetId: `set${number}`,
    });
    if (answer.type !== "success") return {input: answer.errors.map((error) => error.message)};
    const {decision, diagnostics} = answer.response;
    return {
      allowed: decision === "allow",
      reasons: [...diagnostics.reason].sort(),
      failed: [...new Set(diagnostics.errors.map((error) => error.policyId))].sort(),
    };
  });
});
process.stdout.write(JSON.stringify(answers));
