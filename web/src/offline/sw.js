/**
 * The service worker: keeps the shell and the verifier's page, so that a proof can be verified without a server.
 *
 * Guarantees: nothing of anybody's data is kept, only files of the app, by their names; answers of the node below
 * `/v1/` and everything else that is not listed go to the network alone. A new version replaces the old one whole.
 */

const KEPT = "__FILES__";
const CACHE = "telesphor-__VERSION__";

addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(KEPT.map((file) => new Request(file, { cache: "reload" }))))
      .then(() => self.skipWaiting()),
  );
});

addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== location.origin) return;
  if (request.mode === "navigate" && address.pathname === "/") event.respondWith(newestPage(request));
  else if (KEPT.includes(address.pathname)) event.respondWith(fromCache(request));
});

/** The page from the network, so that its policy is the node's of today; the kept one where there is no network. */
async function newestPage(request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match("/", { cacheName: CACHE })) ?? Response.error();
  }
}

/** Names of files hold a digest of their content: what is kept under a name is what it is. */
async function fromCache(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreVary: true })) ?? fetch(request);
}
