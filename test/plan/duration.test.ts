import { describe, expect, it } from "vitest";
import { parseDuration, timeConversion } from "../../plan/duration.ts";

describe("parseDuration", () => {
  it.each([
    ["30s", 30_000],
    ["30 sec", 30_000],
    ["10min", 600_000],
    ["10 m", 600_000],
    ["6h", 21_600_000],
    ["1 hour", 3_600_000],
    ["2 hours", 7_200_000],
    ["2d", 172_800_000],
    ["1 day", 86_400_000],
    ["3 days", 259_200_000],
    ["1.5d", 129_600_000],
    ["250ms", 250],
    ["0s", 0],
    ["  5 h  ", 18_000_000],
  ])("reads %s as %i ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    "",
    "6",
    "h",
    "6 weeks",
    "6H",
    "-6h",
    "+6h",
    "1h30m",
    "1,5h",
    ".5h",
    "5.h",
    "1e3s",
    "6 h h",
    "∞h",
    "5constructor",
    "5 tostring",
  ])("does not take %j for a duration", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe("timeConversion", () => {
  it.each([
    ["s", "ms", 1000],
    ["ms", "s", 0.001],
    ["min", "h", 1 / 60],
    ["d", "h", 24],
    ["ms", "ms", 1],
  ])("says how many %s are in %s", (from, to, factor) => {
    expect(timeConversion(from, to)).toBeCloseTo(factor, 12);
  });

  it.each([
    ["USD", "ms"],
    ["s", "USD"],
    ["constructor", "constructor"],
  ])("has no conversion between %s and %s", (from, to) => {
    expect(timeConversion(from, to)).toBeUndefined();
  });
});
