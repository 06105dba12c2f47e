import { describe, expect, it } from "vitest";
import { rowOf } from "../testing";
import { LiveRows, ROWS_MAX } from "./live_rows";

const positions = (rows: readonly { position: number }[]) => rows.map((row) => row.position);

describe("rows that come in", () => {
  it("stand newest first and each once", () => {
    const live = new LiveRows();
    live.take([rowOf(1), rowOf(2)]);
    live.take([rowOf(2), rowOf(3)]);
    expect(positions(live.view.rows)).toEqual([3, 2, 1]);
  });

  it("are held while paused, and shown in their order after", () => {
    const live = new LiveRows();
    live.take([rowOf(1)]);
    live.pause();
    live.take([rowOf(2), rowOf(3)]);
    expect(positions(live.view.rows)).toEqual([1]);
    expect(positions(live.view.held)).toEqual([3, 2]);
    live.resume();
    expect(positions(live.view.rows)).toEqual([3, 2, 1]);
    expect(live.view.held).toEqual([]);
  });

  it("beyond the bound drop the oldest and are counted", () => {
    const live = new LiveRows();
    for (let at = 0; at < ROWS_MAX + 7; at += 1) live.take([rowOf(at)], 1);
    expect(live.view.rows).toHaveLength(ROWS_MAX);
    expect(live.view.rows[0]?.position).toBe(ROWS_MAX + 6);
    expect(live.view.skipped).toBe(ROWS_MAX + 7 + 7);
  });
});
