/** Descriptions as browsers write them. */

import { expect, test } from "vitest";
import { fingerprintOf, withoutStrayFeedback } from "./sdp";

const FIREFOX = [
  "v=0",
  "a=fingerprint:sha-256 01:F6:A1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 109",
  "a=rtcp-fb:109 transport-cc",
  "m=video 0 UDP/TLS/RTP/SAVPF 120 124",
  "a=rtcp-fb:120 nack pli",
  "a=rtcp-fb:121 nack pli",
  "a=rtcp-fb:* ccm fir",
  "a=rtcp-fb:109 nack",
  "",
].join("\r\n");

test("feedback for codecs that are not in a medium is left out, and nothing else", () => {
  const kept = withoutStrayFeedback(FIREFOX).split("\r\n");
  const gone = FIREFOX.split("\r\n").filter((line) => !kept.includes(line));
  expect(gone).toEqual(["a=rtcp-fb:121 nack pli", "a=rtcp-fb:109 nack"]);
  expect(kept).toHaveLength(8);
  expect(withoutStrayFeedback(kept.join("\r\n"))).toBe(kept.join("\r\n"));
});

test("a connection is known by its certificate, wherever its description says it", () => {
  const chromium = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 01:f6:a1\r\n";
  expect(fingerprintOf(FIREFOX)).toBe("sha-256 01:f6:a1");
  expect(fingerprintOf(chromium)).toBe(fingerprintOf(FIREFOX));
  expect(fingerprintOf("v=0\r\n")).toBeUndefined();
  expect(fingerprintOf(undefined)).toBeUndefined();
});
