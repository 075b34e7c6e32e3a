import { describe, expect, it } from "vitest";
import {
  clipped,
  count,
  difference,
  estimate,
  hours,
  metricValue,
  number,
  percent,
  printable,
  pValue,
  rate,
  readingWord,
  relativeDifference,
  verdictWord,
} from "../../reports/format.ts";

const ok = (value: number, low: number, high: number) => ({ status: "ok", value, low, high, level: 0.95 }) as const;

describe("a number", () => {
  it.each([
    [0.00412, "0.00412"],
    [0.1, "0.1"],
    [92.14, "92.1"],
    [-3.456, "−3.46"],
    [100, "100"],
  ])("has three significant digits: %f is %s", (value, text) => expect(number(value)).toBe(text));

  it.each([
    [999.4, "999"],
    [999.6, "1,000"],
    [1234.5, "1,235"],
    [-12_345.6, "−12,346"],
    [123_456_789, "123,456,789"],
  ])("keeps its whole digits: %f is %s", (value, text) => expect(number(value)).toBe(text));

  it.each([
    [1.5e-7, "1.5e-7"],
    [-1.5e-7, "−1.5e-7"],
    [1e12, "1e12"],
    [5e20, "5e20"],
  ])("has an exponent when it is tiny or huge: %f is %s", (value, text) => expect(number(value)).toBe(text));

  it("is a dash when there is none", () => {
    expect([null, undefined, Number.NaN].map(number)).toEqual(["–", "–", "–"]);
  });

  it("is a zero without a sign, or an infinity with one", () => {
    expect([0, -0, Infinity, -Infinity].map(number)).toEqual(["0", "0", "∞", "−∞"]);
  });
});

describe("a count", () => {
  it("is whole and has thousands separators", () => {
    expect([0, 7, 1839.5, 1_234_567, -1840].map(count)).toEqual(["0", "7", "1,840", "1,234,567", "−1,840"]);
  });

  it("is a dash when there is none", () => expect([null, Number.NaN].map(count)).toEqual(["–", "–"]));
});

describe("a percentage", () => {
  it("is of a fraction, without zeros that say nothing", () => {
    expect([0, 0.05, 0.25, 0.0473, 1, null].map(percent)).toEqual(["0 %", "5 %", "25 %", "4.73 %", "100 %", "–"]);
  });
});

describe("a metric's value", () => {
  it("is a percentage for proportions and ratios", () => {
    expect(metricValue(0.92, { kind: "proportion" })).toBe("92.0 %");
    expect(metricValue(0.0212, { kind: "ratio" })).toBe("2.12 %");
  });

  it("is in its unit otherwise, and for a ratio that has one", () => {
    expect(metricValue(1842, { kind: "quantile", measuredIn: "ms" })).toBe("1,842 ms");
    expect(metricValue(0.0421, { kind: "mean", measuredIn: "USD" })).toBe("0.0421 USD");
    expect(metricValue(3, { kind: "mean" })).toBe("3.00");
    expect(metricValue(0.5, { kind: "ratio", measuredIn: "USD" })).toBe("0.500 USD");
  });

  it("is a dash when there is none", () => expect(metricValue(null, { kind: "mean", measuredIn: "ms" })).toBe("–"));
});

describe("a difference", () => {
  it("of a proportion or a ratio is in percentage points, with a true minus and its interval", () => {
    expect(difference(ok(-0.0321, -0.0413, -0.0229), { kind: "proportion" })).toBe("−3.2 pp [−4.1, −2.3]");
    expect(difference(ok(0.0029, -0.0009, 0.0067), { kind: "ratio" })).toBe("+0.29 pp [−0.09, +0.67]");
  });

  it("of a mean or a quantile is in its unit", () => {
    expect(difference(ok(71, 12, 130), { kind: "quantile", measuredIn: "ms" })).toBe("+71 ms [+12, +130]");
    expect(difference(ok(1842.2, -1200, 4800), { kind: "mean" })).toBe("+1,842 [−1,200, +4,800]");
  });

  it("relative to control is in percent", () => {
    expect(relativeDifference(ok(0.12, 0.03, 0.21))).toBe("+12 % [+3, +21]");
  });

  it("that rounds to zero has no sign", () => {
    expect(difference(ok(-0.00001, -0.0041, 0.0038), { kind: "proportion" })).toBe("0.00 pp [−0.41, +0.38]");
  });

  it("of identical policies is zero", () =>
    expect(difference(ok(0, 0, 0), { kind: "proportion" })).toBe("0 pp [0, 0]"));
});

describe("an estimate", () => {
  it("says why it is undetermined", () => {
    expect(rate({ status: "undetermined", reason: "no replicates" })).toBe("undetermined: no replicates");
  });

  it("has the decimals that its interval deserves", () => {
    expect(estimate(ok(5.4321, 5.4, 5.46))).toBe("5.432 [5.400, 5.460]");
    expect(estimate(ok(5.4321, 1, 10))).toBe("5.4 [1.0, 10.0]");
    expect(estimate(ok(543.21, 500, 600))).toBe("543 [500, 600]");
  });

  it("has three digits when its interval has no width", () =>
    expect(estimate(ok(5.4321, 5.4321, 5.4321))).toBe("5.43 [5.43, 5.43]"));

  it("has an exponent when it is tiny", () => expect(estimate(ok(1e-7, 5e-8, 1.5e-7))).toBe("1e-7 [5e-8, 1.5e-7]"));
});

describe("a rate", () => {
  it("is in percent with its interval", () => expect(rate(ok(0.047, 0.035, 0.062))).toBe("4.7 % [3.5, 6.2]"));

  it("is bare at none and at all", () => {
    expect(rate(ok(0, 0, 0.0037))).toBe("0 % [0, 0.37]");
    expect(rate(ok(1, 0.9963, 1))).toBe("100 % [99.63, 100]");
  });
});

describe("hours", () => {
  it("are days above 72", () => {
    expect([0, 0.5, 9, 72, 72.5, 73, 180, 1000].map(hours)).toEqual([
      "0 h",
      "0.5 h",
      "9 h",
      "72 h",
      "3 d",
      "3 d",
      "7.5 d",
      "41.7 d",
    ]);
  });

  it("are a dash when there are none", () => expect([null, Number.NaN].map(hours)).toEqual(["–", "–"]));
});

describe("a p-value", () => {
  it("has two digits, and a bound below 1e-4", () => {
    expect([0, 9.9e-5, 1e-4, 0.00032, 0.032, 0.0996, 0.47, 0.999, 1, null].map(pValue)).toEqual([
      "< 1e-4",
      "< 1e-4",
      "0.0001",
      "0.00032",
      "0.032",
      "0.10",
      "0.47",
      "1.00",
      "1.00",
      "–",
    ]);
  });
});

describe("words", () => {
  it("name the verdicts", () => {
    expect((["go", "hold", "no-go", "cannot-tell"] as const).map(verdictWord)).toEqual([
      "GO",
      "HOLD",
      "NO-GO",
      "CANNOT TELL",
    ]);
  });

  it("name the readings", () => {
    expect((["inside", "beyond", "unresolved", "no margin"] as const).map(readingWord)).toEqual([
      "inside its margin",
      "beyond its margin",
      "not shown",
      "no margin",
    ]);
  });
});

describe("text of a log", () => {
  it("cannot send escape sequences to a terminal or turn the writing direction", () => {
    expect(printable("a\u001b[31mb\u202ec\u0000d\u009be")).toBe("a\ufffd[31mb\ufffdc\ufffdd\ufffde");
  });

  it("keeps new lines, tabs, emoji and other scripts", () => {
    expect(printable("a\tb\r\nc\rd\u2028e 👩‍🚀 שלום")).toBe("a\tb\nc\nd\ne 👩‍🚀 שלום");
  });

  it("has no halves of characters", () => expect(printable("\ud800x\udc00")).toBe("\ufffdx\ufffd"));

  it("is cut between characters", () => {
    expect(clipped("😀😀😀", 3)).toBe("😀😀😀");
    expect(clipped("😀😀😀😀", 3)).toBe("😀😀…");
  });
});
