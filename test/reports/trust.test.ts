import { describe, expect, it } from "vitest";
import { type TrustCheck, trustChecks } from "../../reports/trust.ts";
import type { Import } from "../../shadow/ingest/import-records.ts";
import type { SessionSummary } from "../../shadow/ingest/sessions.ts";
import { type Own, outcomes, summary } from "../support/outcomes.ts";
import { cost, latency } from "../support/traffic.ts";

function imported(others: Partial<Import> = {}): Import {
  return {
    role: "traffic",
    files: [],
    records: 100,
    kept: 100,
    excluded: 0,
    quarantined: 0,
    reasons: [],
    notes: [],
    ...others,
  };
}

function sessions(others: Partial<SessionSummary> = {}): SessionSummary {
  return {
    requests: 0,
    sessions: 100,
    units: 50,
    shards: 1,
    requestsByShard: [],
    fromMs: 0,
    untilMs: 0,
    changing: [],
    withoutUser: 0,
    outOfSample: 0,
    ...others,
  };
}

const both = (n: number) => Array.from({ length: n }, (): [Own, Own] => [1, 1]);
const lanes = (own: readonly (readonly [Own, Own])[], unit?: (i: number) => string) =>
  outcomes({
    metrics: [cost],
    sessions: own.map(([control, candidate], i) => ({
      ...(unit ? { unit: unit(i) } : {}),
      values: { cost: { control, candidate } },
    })),
  });

function checks({
  imports = [imported()],
  session = sessions(),
  own = lanes(both(20)),
  others = {},
  laps = 1,
  quarantineLimit = 0.01,
}: {
  readonly imports?: readonly Import[];
  readonly session?: SessionSummary;
  readonly own?: ReturnType<typeof outcomes>;
  readonly others?: Parameters<typeof summary>[1];
  readonly laps?: number;
  readonly quarantineLimit?: number;
} = {}): readonly TrustCheck[] {
  return trustChecks(imports, session, own, summary(own, others), { quarantineLimit, laps });
}

const named = (name: string, own: Parameters<typeof checks>[0] = {}) =>
  checks(own).find((check) => check.name === name);

describe("trust checks", () => {
  it("all pass when nothing is wrong, one for each import and each metric among them", () => {
    const own = checks({ imports: [imported(), imported({ role: "candidate" })] });
    expect(own.map(({ name, status }) => [name, status])).toEqual([
      ["records of traffic", "pass"],
      ["records of candidate", "pass"],
      ["sessions in both lanes", "pass"],
      ["missing values of cost", "pass"],
      ["attributes and units", "pass"],
      ["gaps in the log", "pass"],
      ["length of the log", "pass"],
    ]);
  });
});

describe("records", () => {
  it("in quarantine are a warning with their number and reasons", () => {
    const reasons = [
      { reason: "no session", count: 2 },
      { reason: "bad time", count: 1 },
    ];
    expect(named("records of traffic", { imports: [imported({ quarantined: 3, excluded: 7, reasons })] })).toEqual({
      name: "records of traffic",
      status: "warn",
      figure: "3 of 100 in quarantine, 7 left out by where",
      threshold: "at most 1 %",
      why: "2 × no session; 1 × bad time",
    });
  });

  it("left out by where are no warning, and are told of from the first on", () => {
    const of = (excluded: number) => named("records of traffic", { imports: [imported({ excluded })] });
    expect(of(0)).toMatchObject({ status: "pass", figure: "0 of 100 in quarantine" });
    expect(of(1)).toMatchObject({ status: "pass", figure: "0 of 100 in quarantine, 1 left out by where" });
  });

  it("have a limit that is shown without the noise of binary fractions", () => {
    expect(named("records of traffic", { quarantineLimit: 0.07 })?.threshold).toBe("at most 7 %");
  });
});

describe("sessions in both lanes", () => {
  const matched = (control: number, candidate: number) =>
    named("sessions in both lanes", { own: lanes(both(20)), others: { unmatched: { control, candidate } } });

  it("pass when all are matched", () => {
    expect(matched(0, 0)).toMatchObject({
      status: "pass",
      figure: "20 matched, 0 only in control, 0 only in candidate",
      why: "both lanes answered the same sessions",
    });
  });

  it("warn when some are not, and fail when most are not", () => {
    expect(matched(3, 0)).toMatchObject({
      status: "warn",
      figure: "20 matched, 3 only in control, 0 only in candidate",
      why: "unmatched sessions are left out of every figure",
    });
    expect(matched(0, 1)?.status).toBe("warn");
    expect(matched(10, 10)?.status).toBe("warn");
    expect(matched(10, 11)?.status).toBe("fail");
  });
});

describe("missing values", () => {
  const missing = (own: readonly (readonly [Own, Own])[], others: Parameters<typeof summary>[1] = {}) =>
    named("missing values of cost", { own: lanes(own), others });
  const lost = (control: number, candidate: number) => [
    ...both(100),
    ...Array.from({ length: control }, (): [Own, Own] => [null, 1]),
    ...Array.from({ length: candidate }, (): [Own, Own] => [1, null]),
  ];

  it("pass when they are as many in both lanes, however many", () => {
    expect(missing(lost(60, 60))).toMatchObject({ status: "pass", figure: "60 in control, 60 in candidate (p 1.00)" });
  });

  it("of the same sessions in both lanes pass", () => {
    expect(missing([...both(50), ...Array.from({ length: 50 }, (): [Own, Own] => [null, null])])?.status).toBe("pass");
  });

  // z² is the number of them: 10 give p = .0016, 11 give p = .00091
  it("fail when one lane lacks more at a level of one in a thousand", () => {
    expect(missing(lost(0, 10))?.status).toBe("pass");
    expect(missing(lost(0, 11))).toMatchObject({ status: "fail", figure: "0 in control, 11 in candidate (p 0.00091)" });
    expect(missing(lost(11, 0))?.status).toBe("fail");
  });

  it("of one unit are one voice", () => {
    const own = lanes(lost(0, 40), (i) => (i < 100 ? `u${i}` : "the same"));
    expect(named("missing values of cost", { own })?.status).toBe("pass");
  });

  it("of sessions that failed do not count: failures are harm, not doubt", () => {
    const own = lost(0, 40);
    const failed = { control: new Uint8Array(own.length), candidate: new Uint8Array(own.length).fill(1, 100) };
    expect(missing(own, { failed })).toMatchObject({ status: "pass", figure: "0 in control, 0 in candidate (p 1.00)" });
  });

  it("of a quantile are sessions without a request", () => {
    const own = outcomes({
      metrics: [latency],
      sessions: Array.from({ length: 60 }, (_, i) => ({
        values: { latency: { control: [1, 2], candidate: i < 20 ? [] : [3] } },
      })),
    });
    expect(named("missing values of latency", { own })).toMatchObject({
      status: "fail",
      figure: "0 in control, 20 in candidate (p < 1e-4)",
    });
  });
});

describe("attributes and units", () => {
  it("warn of attributes that change inside a session", () => {
    const changing = [
      { attribute: "tier", sessions: 4 },
      { attribute: "region", sessions: 1 },
    ];
    expect(named("attributes and units", { session: sessions({ changing }) })).toMatchObject({
      status: "warn",
      figure: "tier changes inside 4 sessions; region changes inside 1 sessions",
      why: "the value of a session's first request is used",
    });
    expect(named("attributes and units")?.why).toBe("each session has one value of each attribute");
  });

  it("tell of sessions without a user, unless there are no users at all", () => {
    const figure = (withoutUser: number) =>
      named("attributes and units", { session: sessions({ withoutUser }) })?.figure;
    expect(figure(3)).toBe("3 sessions have no user");
    expect(figure(1)).toBe("1 sessions have no user");
    expect(figure(100)).toBe("none changes inside a session");
  });
});

describe("the length of the log", () => {
  it("is a warning when the plan may outlast it", () => {
    expect(named("length of the log", { laps: 1 })).toMatchObject({
      status: "pass",
      figure: "the log covers the longest rollout",
    });
    expect(named("length of the log", { laps: 2 })).toMatchObject({
      status: "warn",
      figure: "the plan may go around the log 2 times",
    });
  });
});
