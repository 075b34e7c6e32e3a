import { describe, expect, it } from "vitest";
import {
  countInWords,
  durationInWords,
  durationToWrite,
  listInWords,
  sampleToWrite,
  shareInWords,
} from "../../plan/in-words.ts";
import { hour } from "../support/plan.ts";

describe("figures in words", () => {
  it("are durations as a plan would write them", () => {
    expect([0.5, 1, 6, 47.26, 48, 66, 72, 73, 96, 145.2].map((hours) => durationInWords(hours * hour))).toEqual([
      "30min",
      "1h",
      "6h",
      "47.3h",
      "2d",
      "66h",
      "3d",
      "3d",
      "4d",
      "6.1d",
    ]);
    expect(durationInWords(1500)).toBe("1.5s");
  });

  it("are durations of at least so long", () => {
    expect([0.2, 0.51, 1.01, 23.2, 71.5, 72.5, 120].map((hours) => durationToWrite(hours * hour))).toEqual([
      "20min",
      "40min",
      "2h",
      "24h",
      "3d",
      "3.5d",
      "5d",
    ]);
  });

  it("are samples of at least so many, in two digits", () => {
    expect([7, 99.2, 120, 1801, 18_312].map(sampleToWrite)).toEqual([7, 100, 120, 1900, 19_000]);
  });

  it("are shares, counts and lists", () => {
    expect([0.05, 0.0025, 0.123456].map(shareInWords)).toEqual(["5%", "0.25%", "12.3%"]);
    expect([999.6, 12_000, 1_234_567].map(countInWords)).toEqual(["1,000", "12,000", "1,234,567"]);
    expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listInWords)).toEqual(["", "a", "a and b", "a, b and c"]);
  });
});
