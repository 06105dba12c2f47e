/**
 * Factor in the browser: the credentials that this person holds, and showing single factors of them.
 *
 * It says the same as `src/telesphor/client/credentials.py` and `client/issuing.py`, code for code; `docs/spec/credentials.md` and
 * `docs/spec/presentations.md` are what both keep to. No part of this folder but `ui/` touches a page.
 */
export * from "./book";
export * from "./client";
export * from "./credential";
export * from "./document";
export * from "./disclosures";
export * from "./model";
export * from "./request";
export * from "./store";
