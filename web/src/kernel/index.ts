/**
 * The kernel of the browser app: formats, keys, signatures, sealing, and a node as its clients see it.
 *
 * It says the same as `src/telesphor/kernel/` and `src/telesphor/client/` of the Python node, byte for byte and code for
 * code; `docs/spec/` is what both keep to. No part of it touches a page, so all of it runs in a worker.
 */
export * as base64url from "./base64url";
export * as canonical from "./canonical";
export type { Json, JsonObject } from "./canonical";
export { NotCanonical } from "./faults";
export { NotBase64 } from "./base64url";
export * from "./bytes";
export * from "./chunk_reader";
export * from "./chunked";
export * from "./client_errors";
export * from "./clock";
export * from "./commitment";
export * from "./digest";
export { BrowserTooOld, PageNotSecure } from "./edwards";
export { isNative, type PostQuantum } from "./engines";
export * from "./envelope";
export * from "./errors";
export * from "./http";
export * from "./ids";
export * from "./keypair";
export * from "./node_client";
export * from "./object_reader";
export * from "./object_writer";
export * from "./patience";
export * from "./recipient";
export * from "./requests";
export * from "./sealing";
export { SecretRefused } from "./secrets";
export * from "./signing";
export * from "./tree";
export * from "./wallet";
export * from "./wallet_store";
