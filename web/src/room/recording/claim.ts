/**
 * Who works on a recording: one page at a time, and nobody any more as soon as that page is gone (Web Locks).
 *
 * So a recording in the journal that nobody has claimed is one whose page was lost.
 */

const NAME = "telesphor-recording ";

/** Claim a recording; answers how to give it up, or null where another page works on it. Throws where there are no locks. */
export function claim(object: string, locks: LockManager = navigator.locks): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    locks
      .request(NAME + object, { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(null);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** The recordings that some page works on now. */
export async function claimed(locks: LockManager = navigator.locks): Promise<ReadonlySet<string>> {
  const { held = [] } = await locks.query();
  const names = held.flatMap(({ name }) => (name?.startsWith(NAME) === true ? [name] : []));
  return new Set(names.map((name) => name.slice(NAME.length)));
}
