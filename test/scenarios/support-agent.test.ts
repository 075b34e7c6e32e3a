import { pchisq } from "lib-r-math.js";
import { describe, expect, it, vi } from "vitest";
import { type SupportRequest, supportAgentTraffic, type Workflow } from "../../scenarios/support-agent.ts";
import { assumptions, trafficFacts } from "../../scenarios/traffic-facts.ts";
import { normalUpperQuantile, normalUpperTail } from "../../statistics/distributions.ts";

vi.mock("foretaste", () => ({ definePolicy: (policy: unknown) => policy }));

const start = Date.UTC(2026, 0, 5);
const days = 14;
const sessions = 60_000;
const requests = [...supportAgentTraffic({ seed: "marginals", sessions, days, start })];
const conversations = groupBy(requests, (request) => request.conversation_id);
const users = groupBy([...conversations.values()], (conversation) => opening(conversation).user_id);

/** Two-sided normal limit that any of `checks` comparisons exceeds for one seed in a million. */
const falseAlarm = 1e-6;
const limit = (checks = 1) => normalUpperQuantile(falseAlarm / 2 / checks);

describe("the log (no chance involved)", () => {
  it("is the same for the same seed and another one for another seed", () => {
    const log = (seed: string) => [...supportAgentTraffic({ seed, sessions: 300, days: 2 })];
    expect(log("a")).toEqual(log("a"));
    expect(log("a")).not.toEqual(log("b"));
  });

  it("holds exactly the sessions asked for, all of them starting within the days", () => {
    expect(conversations.size).toBe(sessions);
    for (const conversation of conversations.values()) {
      const at = Date.parse(opening(conversation).requested_at);
      expect(at >= start && at < start + days * 86_400_000).toBe(true);
    }
  });

  it("is in order of time, and numbers the turns of every session in that order", () => {
    expect(requests.every((request, i) => i === 0 || request.requested_at >= at(requests, i - 1).requested_at)).toBe(
      true,
    );
    for (const conversation of conversations.values()) {
      expect(conversation.map(({ input }) => input.turn)).toEqual(conversation.map((_, i) => i + 1));
      expect(conversation.every(({ input }) => input.turns === conversation.length)).toBe(true);
    }
  });

  it("gives all requests of a session one user, one workflow and one difficulty", () => {
    for (const conversation of conversations.values()) {
      const same = new Set(
        conversation.map((r) => `${r.user_id} ${r.workflow} ${r.tier} ${r.region} ${r.input.difficulty}`),
      );
      expect(same.size).toBe(1);
    }
  });

  it("fills every placeholder of its texts", () => {
    expect(requests.filter(({ input }) => /[{}]|undefined/.test(input.text))).toEqual([]);
  });

  it("starts the hours of the day where the clock says", () => {
    const noon = [...supportAgentTraffic({ seed: "a", sessions: 1, days: 1, start: start + 43_200_000 })];
    expect(Date.parse(at(noon, 0).requested_at)).toBeGreaterThanOrEqual(start + 43_200_000);
  });

  it.each([{ sessions: 0 }, { sessions: 1.5 }, { days: 0 }, { days: Number.NaN }])("refuses %o", (options) => {
    expect(() => supportAgentTraffic({ seed: "a", ...options }).next()).toThrow(RangeError);
  });
});

describe("marginals against the recorded figures (each test fails by chance for one seed in a million)", () => {
  it("starts sessions by the recorded hours of the day", () => {
    const expected = shares(trafficFacts.requestsByHourOfDay.counts);
    const observed = tally(24, (conversation) => new Date(opening(conversation).requested_at).getUTCHours());
    const perDay = concentration(trafficFacts.rateByDay.relative) * wanderVariance(new Array(60).fill(1));
    for (const [hour, share] of expected.entries()) {
      const standardError = share * Math.sqrt(1 / (share * sessions) + perDay);
      expectNear(at(observed, hour) / sessions, share, standardError, limit(24));
    }
  });

  it("lets the level swing from day to day as recorded", () => {
    const expected = shares(trafficFacts.rateByDay.relative);
    const observed = tally(days, ([first]) => Math.floor((Date.parse(first?.requested_at ?? "") - start) / 86_400_000));
    const perMinute = trafficFacts.requestsByHourOfDay.counts.flatMap((count) => new Array<number>(60).fill(count));
    const withinDay = wanderVariance(perMinute);
    for (const [day, share] of expected.entries()) {
      expectNear(
        at(observed, day) / sessions,
        share,
        share * Math.sqrt(1 / (share * sessions) + withinDay),
        limit(days),
      );
    }
  });

  it("has counts per minute that wander inside an hour like the recorded ones, above Poisson", () => {
    const counts = tally(days * 1440, ([first]) =>
      Math.floor((Date.parse(first?.requested_at ?? "") - start) / 60_000),
    );
    const total = sum(trafficFacts.requestsByHourOfDay.counts) * sum(trafficFacts.rateByDay.relative) * 60;
    const expected = wanderWithinHour();
    const variance: Residual[] = [];
    const lag1: Residual[] = [];
    for (let hour = 0; hour < days * 24; hour++) {
      const rate =
        (sessions *
          at(trafficFacts.requestsByHourOfDay.counts, hour % 24) *
          at(trafficFacts.rateByDay.relative, Math.floor(hour / 24))) /
        total;
      const minutes = counts.slice(hour * 60, hour * 60 + 60);
      const mean = sum(minutes) / 60;
      const off = minutes.map((count) => count - mean);
      variance.push({ excess: sum(off.map((x) => x * x)) / 59 - mean, expected: rate ** 2 * expected.variance });
      const products = off.slice(1).map((x, i) => x * at(off, i));
      lag1.push({ excess: sum(products) / 59 + mean / 60, expected: rate ** 2 * expected.lag1 });
    }
    for (const residuals of [variance, lag1]) {
      const standardError = Math.sqrt(sum(residuals.map((hour) => (hour.excess - hour.expected) ** 2)));
      const excess = sum(residuals.map((hour) => hour.excess));
      expectNear(excess, sum(residuals.map((hour) => hour.expected)), standardError, limit(2));
      expect(excess).toBeGreaterThan(limit(2) * standardError);
    }
  });

  it("has the recorded lengths of sessions", () => {
    const expected = shares(trafficFacts.sessionLength.counts).map((share) => share * sessions);
    const observed = tally(expected.length, (conversation) => conversation.length - 1);
    const chiSquared = sum(expected.map((count, i) => (at(observed, i) - count) ** 2 / count));
    expect(pchisq(chiSquared, expected.length - 1, 0, false)).toBeGreaterThan(falseAlarm);
  });

  it("leaves the recorded lognormal gaps between requests, none longer than four hours", () => {
    const gaps = [...conversations.values()].flatMap((conversation) =>
      conversation
        .slice(1)
        .map((r, i) => (Date.parse(r.requested_at) - Date.parse(at(conversation, i).requested_at)) / 1000),
    );
    const { mu, sigma } = trafficFacts.thinkGap;
    const longest = (Math.log(assumptions.longestThinkGapSeconds) - mu) / sigma;
    const cut = Math.exp(-(longest ** 2) / 2) / Math.sqrt(2 * Math.PI) / (1 - normalUpperTail(longest));
    const logs = gaps.map(Math.log);
    const mean = sum(logs) / logs.length;
    const variance = sum(logs.map((x) => (x - mean) ** 2)) / logs.length;
    expect(Math.max(...gaps)).toBeLessThanOrEqual(assumptions.longestThinkGapSeconds + 0.001);
    expectNear(mean, mu - sigma * cut, sigma / Math.sqrt(gaps.length), limit(2));
    const cutVariance = sigma ** 2 * (1 - longest * cut - cut ** 2);
    expectNear(variance, cutVariance, cutVariance * Math.sqrt(2 / gaps.length), limit(2));
  });

  it.each(["context_tokens", "generated_tokens"] as const)("has the recorded quantiles of %s", (name) => {
    const recorded = name === "context_tokens" ? trafficFacts.contextTokens : trafficFacts.generatedTokens;
    const inner = recorded.probabilities.length - 2;
    for (let i = 1; i <= inner; i++) {
      const { estimate, standardError } = bySession(({ input }) => Number(input[name] <= at(recorded.values, i)));
      expectNear(estimate, at(recorded.probabilities, i), standardError, limit(2 * inner));
    }
    const mean = bySession(({ input }) => input[name]);
    expectNear(mean.estimate, interpolatedMean(recorded), mean.standardError, limit(), 1);
  });

  it("keeps both humps of the generated tokens and the valley between them", () => {
    const { counts } = histogram(requests.map(({ input }) => input.generated_tokens));
    const [low, valley, high] = [counts(60, 120), counts(240, 360), counts(380, 440)];
    expect(low / 60).toBeGreaterThan((4 * valley) / 120);
    expect(high / 60).toBeGreaterThan((4 * valley) / 120);
  });

  it("clusters tokens in sessions", () => {
    const { estimate, standardError } = correlationWithinSessions(({ input }) => Math.log(input.generated_tokens));
    expect(estimate).toBeGreaterThan(limit() * standardError);
  });

  it("has the recorded quantiles of service time, and a Pareto tail that is cut at 60 s", () => {
    const { probabilities, values, tailIndex } = trafficFacts.serviceMs;
    const beyond = (ms: number) => 0.01 * (at(values, values.length - 1) / ms) ** tailIndex;
    const expected = [
      ...values.slice(1).map((ms, i) => ({ ms, share: 1 - at(probabilities, i + 1) })),
      ...[30_000, 40_000, 59_999].map((ms) => ({ ms, share: beyond(ms) })),
    ];
    for (const { ms, share } of expected) {
      const { estimate, standardError } = bySession(({ input }) => Number(input.service_ms > Math.ceil(ms)));
      expectNear(estimate, share, standardError, limit(expected.length));
    }
    expect(Math.max(...requests.map(({ input }) => input.service_ms))).toBe(assumptions.longestServiceMs);
  });

  it("calls tools as often per turn as recorded, in bursts, and lets them fail at the recorded rate", () => {
    const { calls, userTurns, errorRate } = trafficFacts.tools;
    const perTurn = bySession(({ input }) => input.tool_calls);
    expectNear(perTurn.estimate, calls.mean / userTurns.mean, perTurn.standardError, limit(3));
    const errors = bySession(
      ({ input }) => input.tool_errors,
      ({ input }) => input.tool_calls,
    );
    expectNear(errors.estimate, errorRate, errors.standardError, limit(3));
    const excess = bySession(({ input }) => input.tool_calls ** 2 - perTurn.estimate ** 2 - input.tool_calls);
    expect(excess.estimate).toBeGreaterThan(limit(3) * excess.standardError);
  });

  it("clusters tool errors in sessions", () => {
    const { errorRate } = trafficFacts.tools;
    const pairs = [...conversations.values()].map((conversation) => {
      const off = conversation.map(({ input }) => input.tool_errors - errorRate * input.tool_calls);
      return sum(off) ** 2 - sum(off.map((x) => x * x));
    });
    expect(sum(pairs)).toBeGreaterThan(limit() * Math.sqrt(sum(pairs.map((x) => x * x))));
  });
});

describe("marginals against the assumed figures (each test fails by chance for one seed in a million)", () => {
  it("gives users several sessions, with the heavy tail of a Yule–Simon distribution", () => {
    const expected = yuleSimon();
    const mean = sum(expected.map((p, i) => p * (i + 1)));
    const variance = sum(expected.map((p, i) => p * (i + 1 - mean) ** 2));
    expectNear(sessions / users.size, mean, Math.sqrt(variance / users.size), limit(3));
    for (const atLeast of [2, 10]) {
      const share = sum(expected.slice(atLeast - 1));
      const observed = [...users.values()].filter((held) => held.length >= atLeast).length / users.size;
      expectNear(observed, share, Math.sqrt((share * (1 - share)) / users.size), limit(3));
    }
  });

  it("lays the sessions of a user anywhere in the log", () => {
    const early = (conversation: Conversation) =>
      Number(opening(conversation).conversation_id.slice(2)) <= sessions / 2;
    const pairs = [...users.values()].filter((held) => held.length === 2);
    const together = pairs.filter((held) => early(at(held, 0)) === early(at(held, 1))).length / pairs.length;
    expectNear(together, 0.5, 0.5 / Math.sqrt(pairs.length), limit());
  });

  it("lets users come back with the same workflow more often than the mix alone would", () => {
    const byChance = sum(Object.values(assumptions.workflows).map(({ share }) => share ** 2));
    const expected = byChance + assumptions.loyalty ** 2 * (1 - byChance);
    const pairs = [...users.values()].filter((held) => held.length === 2);
    const same = pairs.filter((held) => opening(at(held, 0)).workflow === opening(at(held, 1)).workflow).length;
    expectNear(same / pairs.length, expected, Math.sqrt((expected * (1 - expected)) / pairs.length), limit());
  });

  it("has the assumed shares of workflows, tiers and regions", () => {
    const { workflows, tiers, regions } = assumptions;
    const expected = [
      ...Object.entries(workflows).map(([name, { share }]) => ({ column: "workflow" as const, name, share })),
      ...Object.entries(tiers).map(([name, share]) => ({ column: "tier" as const, name, share })),
      ...Object.entries(regions).map(([name, share]) => ({ column: "region" as const, name, share })),
    ];
    for (const { column, name, share } of expected) {
      const { estimate, standardError } = byUser((conversation) => Number(opening(conversation)[column] === name));
      expectNear(estimate, share, standardError, limit(expected.length));
    }
  });

  it("lets 0.8 % of requests be injections, which the guardrail's score tells from the others", () => {
    const { estimate, standardError } = bySession(({ input }) => Number(input.adversarial));
    expectNear(estimate, 0.008, standardError, limit());
    const score = (adversarial: boolean) => {
      const scores = requests
        .filter(({ input }) => input.adversarial === adversarial)
        .map(({ input }) => input.guardrail);
      return sum(scores) / scores.length;
    };
    expect(score(true) - score(false)).toBeGreaterThan(0.5);
  });

  it("spreads difficulty evenly over 0 to 1 before the workflow's own shift", () => {
    const { overall, byHardness } = trafficFacts.completion;
    const evened = (conversation: readonly SupportRequest[]) => {
      const { workflow, input } = opening(conversation);
      const own = byHardness[assumptions.workflows[workflow].hardness];
      const score = normalUpperQuantile(1 - input.difficulty) - normalUpperQuantile(own) + normalUpperQuantile(overall);
      return 1 - normalUpperTail(score);
    };
    for (const level of [0.1, 0.25, 0.5, 0.75, 0.9]) {
      const { estimate, standardError } = byUser((conversation) => Number(evened(conversation) <= level));
      expectNear(estimate, level, standardError, limit(5));
    }
  });
});

const control = await replay("2.3");
const candidate = await replay("2.4");

describe("the two policies (each test fails by chance for one seed in a million)", () => {
  it("completes with 2.3 about as many sessions as recorded, and by workflow as their hardness says", () => {
    const { overall, byHardness } = trafficFacts.completion;
    const skill = 0.74;
    for (const [workflow, { hardness }] of Object.entries(assumptions.workflows)) {
      const shift = normalUpperQuantile(byHardness[hardness]) - normalUpperQuantile(overall);
      const expected = normalUpperTail(normalUpperQuantile(skill) + shift);
      const { estimate, standardError } = byUser(completed(control), within(workflow));
      expect(estimate).toBeLessThan(expected + limit(7) * standardError);
      expect(estimate).toBeGreaterThan(expected - assumptions.hostileSessions - limit(7) * standardError);
    }
    const all = byUser(completed(control));
    expectNear(all.estimate, overall, all.standardError, limit(7), 0.01);
  });

  it("has an intraclass correlation of completion within users of 0.2 to 0.4 with 2.3", () => {
    const { estimate, standardError } = correlationWithinUsers(completed(control));
    expect(estimate).toBeGreaterThan(limit() * standardError);
    expect(estimate + limit() * standardError).toBeGreaterThan(0.2);
    expect(estimate - limit() * standardError).toBeLessThan(0.4);
  });

  it("hands about the recorded share of conversations over with 2.3", () => {
    const { estimate, standardError } = byUser((conversation) => Number(closing(control, conversation).transferred));
    expectNear(estimate, trafficFacts.tools.transferRate, standardError, limit(), 0.01);
  });

  it("lets refunds collapse with 2.4 by 35 to 45 points", () => {
    const { estimate, standardError } = byUser(change(completed), within("refund"));
    expect(estimate + limit() * standardError).toBeGreaterThan(-0.45);
    expect(estimate - limit() * standardError).toBeLessThan(-0.35);
    expect(estimate + limit() * standardError).toBeLessThan(-0.3);
  });

  it("hides that in the average, because billing gains about 12 points and the rest a little", () => {
    const average = byUser(change(completed));
    expect(average.estimate + limit(3) * average.standardError).toBeGreaterThan(0);
    expect(average.estimate).toBeGreaterThan(-0.01);
    const billing = byUser(change(completed), within("billing"));
    expectNear(billing.estimate, 0.125, billing.standardError, limit(3), 0.01);
    const technical = byUser(change(completed), within("technical"));
    expectNear(technical.estimate, 0.01, technical.standardError, limit(3), 0.005);
  });

  it("refuses with 2.4 the refunds that press for money and no other ordinary request that 2.3 lets pass", () => {
    const newly = requests.filter(
      (r) => measures(candidate, r).guardrail_triggered && !measures(control, r).guardrail_triggered,
    );
    const ordinary = newly.filter(({ input }) => !input.adversarial);
    expect(new Set(ordinary.map(({ workflow }) => workflow))).toEqual(new Set(["refund"]));
    const refused = new Set(ordinary.map(({ conversation_id }) => conversation_id));
    const { estimate, standardError } = byUser(
      ([first]) => Number(refused.has(first?.conversation_id ?? "")),
      within("refund"),
    );
    expectNear(estimate, assumptions.pressingRefunds, standardError, limit(), assumptions.hostileSessions);
  });

  it("costs about 4 % more with 2.4 and answers as fast", () => {
    const relative = (name: "cost_usd" | "latency_ms") =>
      sum(requests.map((r) => measures(candidate, r)[name])) / sum(requests.map((r) => measures(control, r)[name])) - 1;
    expect(relative("cost_usd")).toBeCloseTo(0.04, 2);
    expect(relative("latency_ms")).toBeCloseTo(0, 2);
  });
});

interface Measures {
  readonly completed: boolean;
  readonly cost_usd: number;
  readonly latency_ms: number;
  readonly guardrail_triggered: boolean;
  readonly transferred: boolean;
}
type Replay = ReadonlyMap<SupportRequest, Measures>;
type Conversation = readonly SupportRequest[];

async function replay(version: string): Promise<Replay> {
  const { default: policy } = await import(`../../examples/support-agent/policies/v${version}.js`);
  const observed = new Map<SupportRequest, Measures>();
  for (const conversation of conversations.values()) {
    const { conversation_id: id, workflow, tier, region } = opening(conversation);
    const session = policy.open({ id, attributes: { workflow, tier, region } }, {});
    for (const request of conversation) observed.set(request, session.respond(request.input).measures);
  }
  return observed;
}

function measures(lane: Replay, request: SupportRequest): Measures {
  return lane.get(request) as Measures;
}

function closing(lane: Replay, conversation: Conversation): Measures {
  return measures(lane, at(conversation, conversation.length - 1));
}

function completed(lane: Replay) {
  return (conversation: Conversation) => Number(closing(lane, conversation).completed);
}

function change(outcome: (lane: Replay) => (conversation: Conversation) => number) {
  return (conversation: Conversation) => outcome(candidate)(conversation) - outcome(control)(conversation);
}

function within(workflow: Workflow | string) {
  return (conversation: Conversation) => Number(opening(conversation).workflow === workflow);
}

interface Ratio {
  readonly estimate: number;
  readonly standardError: number;
}

/** Ratio of sums over independent clusters. Source: Cochran (1977), Sampling Techniques, eq. 6.12. */
function ratio(clusters: readonly { readonly over: number; readonly under: number }[]): Ratio {
  const under = sum(clusters.map((cluster) => cluster.under));
  const estimate = sum(clusters.map((cluster) => cluster.over)) / under;
  const squares = sum(clusters.map((cluster) => (cluster.over - estimate * cluster.under) ** 2));
  return { estimate, standardError: Math.sqrt(squares) / under };
}

function bySession(over: (r: SupportRequest) => number, under: (r: SupportRequest) => number = () => 1): Ratio {
  return ratio([...conversations.values()].map((rs) => ({ over: sum(rs.map(over)), under: sum(rs.map(under)) })));
}

function byUser(over: (c: Conversation) => number, under: (c: Conversation) => number = () => 1): Ratio {
  const cluster = (held: readonly Conversation[]) => ({
    over: sum(held.map((conversation) => over(conversation) * under(conversation))),
    under: sum(held.map(under)),
  });
  return ratio([...users.values()].map(cluster));
}

/** Pair products within clusters over the variance: the correlation of two values of a cluster, weighted by pairs. */
function pairCorrelation(clusters: readonly (readonly number[])[]): Ratio {
  const values = clusters.flat();
  const mean = sum(values) / values.length;
  const variance = sum(values.map((x) => (x - mean) ** 2)) / values.length;
  return ratio(
    clusters
      .filter((cluster) => cluster.length > 1)
      .map((cluster) => {
        const off = cluster.map((x) => x - mean);
        return { over: sum(off) ** 2 - sum(off.map((x) => x * x)), under: variance * off.length * (off.length - 1) };
      }),
  );
}

function correlationWithinSessions(value: (r: SupportRequest) => number): Ratio {
  return pairCorrelation([...conversations.values()].map((conversation) => conversation.map(value)));
}

function correlationWithinUsers(value: (c: Conversation) => number): Ratio {
  return pairCorrelation([...users.values()].map((held) => held.map(value)));
}

interface Residual {
  readonly excess: number;
  readonly expected: number;
}

/** Covariance of the relative rate of two minutes, from the recorded counts: that of a Cox process at lag k. */
function wander(lag: number): number {
  const { mean, variance, lag1Autocorrelation } = trafficFacts.requestsPerMinute;
  const logVariance = Math.log(1 + (variance - mean) / mean ** 2);
  const phi = Math.log(1 + (lag1Autocorrelation * variance) / mean ** 2) / logVariance;
  return Math.exp(logVariance * phi ** lag) - 1;
}

/** Relative variance of a weighted sum of the rate over consecutive minutes. */
function wanderVariance(weights: readonly number[]): number {
  const lags = weights.map((_, lag) => wander(lag));
  const products = weights.flatMap((weight, i) =>
    weights.map((other, j) => weight * other * at(lags, Math.abs(i - j))),
  );
  return sum(products) / sum(weights) ** 2;
}

/** Expected sample variance and lag-1 covariance of the relative rate about its mean over the 60 minutes of an hour. */
function wanderWithinHour(): { readonly variance: number; readonly lag1: number } {
  const minutes = Array.from({ length: 60 }, (_, minute) => minute);
  const means = minutes.map((i) => sum(minutes.map((j) => wander(Math.abs(i - j)))) / 60);
  const mean = sum(means) / 60;
  const about = (i: number, j: number) => wander(Math.abs(i - j)) - at(means, i) - at(means, j) + mean;
  return {
    variance: sum(minutes.map((i) => about(i, i))) / 59,
    lag1: sum(minutes.slice(1).map((i) => about(i, i - 1))) / 59,
  };
}

/** Σw² / (Σw)²: the variance of a weighted mean of independent values of variance one. */
function concentration(weights: readonly number[]): number {
  return sum(weights.map((weight) => weight ** 2)) / sum(weights) ** 2;
}

/** P(K = 1), P(K = 2), … of the Yule–Simon distribution without the users above the largest number. */
function yuleSimon(): number[] {
  const rho = assumptions.sessionsPerUser / (assumptions.sessionsPerUser - 1);
  const masses = [rho / (rho + 1)];
  for (let k = 1; k < assumptions.mostSessionsPerUser; k++) masses.push((at(masses, k - 1) * k) / (k + rho + 1));
  return shares(masses);
}

/** Mean of a distribution whose quantiles are linear between the given ones. */
function interpolatedMean({
  probabilities,
  values,
}: {
  probabilities: readonly number[];
  values: readonly number[];
}): number {
  const pieces = values
    .slice(1)
    .map((value, i) => ((value + at(values, i)) / 2) * (at(probabilities, i + 1) - at(probabilities, i)));
  return sum(pieces);
}

function histogram(values: readonly number[]) {
  return { counts: (from: number, to: number) => values.filter((value) => value >= from && value < to).length };
}

/** Within `z` standard errors and, where the expected value is itself only approximate, `slack` more. */
function expectNear(estimate: number, expected: number, standardError: number, z: number, slack = 0): void {
  expect(estimate).toBeGreaterThan(expected - z * standardError - slack);
  expect(estimate).toBeLessThan(expected + z * standardError + slack);
}

function tally(size: number, index: (conversation: Conversation) => number): number[] {
  const counts = new Array<number>(size).fill(0);
  for (const conversation of conversations.values()) counts[index(conversation)] = at(counts, index(conversation)) + 1;
  return counts;
}

function shares(counts: readonly number[]): number[] {
  const total = sum(counts);
  return counts.map((count) => count / total);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function at<Value>(values: readonly Value[], index: number): Value {
  return values[index] as Value;
}

function opening(conversation: Conversation): SupportRequest {
  return at(conversation, 0);
}

function groupBy<Value>(values: readonly Value[], key: (value: Value) => string): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}
