import { describe, expect, it } from "vitest";
import { estimate } from "../../../ts/api/capacity.js";

const times = (entries: Record<number, number>) =>
  new Map(Object.entries(entries).map(([sessions, p95]) => [Number(sessions), { p50: p95 / 2, p95, rounds: 9 }]));

describe("live streams that fit: p95 within 64 of 80 ms", () => {
  it.each([
    ["nothing measured", {}, 8, undefined, /nothing was computed/],
    ["all slots measured", { 1: 10, 8: 60 }, 8, 8, /all slots/],
    ["one is too slow already", { 1: 100 }, 8, 0, /too long/],
    ["fewer in proportion", { 4: 128 }, 8, 2, /in proportion/],
    ["more in proportion", { 1: 16 }, 8, 4, /in proportion/],
    ["more in proportion, but no more than slots", { 1: 1 }, 8, 8, /in proportion/],
    ["between two sizes", { 2: 32, 4: 96 }, 8, 3, /between measured rounds of 2 and 4/],
    ["a slow outlier below is believed", { 2: 70, 4: 60 }, 8, 1, /too long/],
  ])("%s", (_name, entries, slots, expected, basis) => {
    const { liveStreams, basis: found } = estimate(times(entries), slots, 80);
    expect(liveStreams).toBe(expected);
    expect(found).toMatch(basis);
  });
});
