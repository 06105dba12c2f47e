// Judges SD-JWTs with npm `@sd-jwt/core`; signatures by `@noble/post-quantum` (ML-DSA) and Node's own Ed25519.
//
// Standard input: {modules, cases: [{form, text, issuer: [OKP, AKP], holder: [OKP, AKP], nonce, now}]}, where
// `form` is `compact` or `general`. Standard output: for each case {payload, kb} or {error}.
import {createHash, createPublicKey, verify} from "node:crypto";
import {createRequire} from "node:module";
import {join} from "node:path";
import {readFileSync} from "node:fs";
import {pathToFileURL} from "node:url";

const {modules, cases} = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(join(modules, "judge.cjs"));
const {SDJwtInstance, SDJwtGeneralJSONInstance, GeneralJSON} = require("@sd-jwt/core");
const {ml_dsa65} = await import(pathToFileURL(join(modules, "@noble", "post-quantum", "ml-dsa.js")).href);

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64url"));
const hasher = (data, alg) => new Uint8Array(createHash(alg.replace("-", "")).update(data).digest());

function verifierOf([okp, akp]) {
  const ed25519 = createPublicKey({key: {kty: okp.kty, crv: okp.crv, x: okp.x}, format: "jwk"});
  const halves = {
    Ed25519: (data, signature) => verify(null, Buffer.from(data), ed25519, bytes(signature)),
    "ML-DSA-65": (data, signature) => ml_dsa65.verify(bytes(signature), Buffer.from(data), bytes(akp.pub)),
  };
  return async (data, signature) => {
    const half = halves[JSON.parse(Buffer.from(data.split(".")[0], "base64url")).alg];
    if (half === undefined) throw new Error("no such algorithm");
    return half(data, signature);
  };
}

async function judge({form, text, issuer, holder, nonce, now}) {
  const kbVerifier = async (data, signature, payload) => {
    if (payload.cnf.jwk.pub !== holder[1].pub) return false;
    return verifierOf(holder)(data, signature);
  };
  const config = {hasher, hashAlg: "sha-256", verifier: verifierOf(issuer), kbVerifier};
  const options = {keyBindingNonce: nonce ?? undefined, currentDate: now};
  return form === "compact"
    ? new SDJwtInstance(config).verify(text, options)
    : new SDJwtGeneralJSONInstance(config).verify(GeneralJSON.fromSerialized(JSON.parse(text)), options);
}

const results = [];
for (const one of cases) {
  try {
    const {payload, kb} = await judge(one);
    results.push({payload, kb: kb?.payload ?? null});
  } catch (error) {
    results.push({error: error.message});
  }
}
console.log(JSON.stringify(results));
