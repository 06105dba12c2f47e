/** What is looked at, and mended, in a description of a connection (RFC 8866): never more than these two things. */

/** Which certificate a connection shows (RFC 8122, section 5): of the session or of its first medium, all go over one. */
export function fingerprintOf(sdp: string | undefined): string | undefined {
  return sdp === undefined ? undefined : /^a=fingerprint:(.+?)\s*$/m.exec(sdp)?.[1]?.toLowerCase();
}

/**
 * The same without feedback for formats that a medium does not have. Firefox leaves it there for codecs that were not
 * wanted, and Chromium then refuses the whole description.
 */
export function withoutStrayFeedback(sdp: string): string {
  let formats: readonly string[] = [];
  const kept = sdp.split("\r\n").filter((line) => {
    if (line.startsWith("m=")) formats = line.split(" ").slice(3);
    const format = /^a=rtcp-fb:(\S+)/.exec(line)?.[1];
    return format === undefined || format === "*" || formats.includes(format);
  });
  return kept.join("\r\n");
}
