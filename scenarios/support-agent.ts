import {
  randomBeta,
  randomBinomial,
  randomExponential,
  randomGamma,
  randomGeometric,
  randomLogNormal,
  randomNormal,
  randomPoisson,
} from "d3-random";
import { normalUpperQuantile, normalUpperTail } from "../statistics/distributions.ts";
import { type RandomStream, textStream } from "../statistics/random-stream.ts";
import { intensityByMinute, sessionStarts } from "./support-arrivals.ts";
import { phrase, subjects } from "./support-phrases.ts";
import { assumptions, trafficFacts } from "./traffic-facts.ts";

export type Workflow = keyof typeof assumptions.workflows;
export type Tier = keyof typeof assumptions.tiers;
export type Region = keyof typeof assumptions.regions;

/** What a policy is given for one request. */
export interface SupportInput {
  readonly text: string;
  readonly turn: number; // from 1
  readonly turns: number; // of the whole session
  readonly difficulty: number; // 0 to 1, the same for the whole session
  readonly context_tokens: number;
  readonly generated_tokens: number;
  readonly tool_calls: number;
  readonly tool_errors: number;
  readonly service_ms: number;
  readonly adversarial: boolean;
  readonly guardrail: number; // 0 to 1, high when the request looks like an attack
}

/** One line of the support agent's log. */
export interface SupportRequest {
  readonly conversation_id: string;
  readonly user_id: string;
  readonly requested_at: string; // ISO 8601, UTC, milliseconds
  readonly workflow: Workflow;
  readonly tier: Tier;
  readonly region: Region;
  readonly input: SupportInput;
}

export interface SupportTrafficOptions {
  readonly seed: string;
  readonly sessions?: number;
  readonly days?: number;
  readonly start?: number; // epoch ms; hours of the day are UTC
}

/**
 * A synthetic log of a support agent that has the rhythm, the clustering and the tails of recorded traffic.
 *
 * Exactly `sessions` sessions start within `days` days; a session is carried to its end, so that the last requests may
 * fall later. Requests come in order of time. Kept in memory: one number per session, one object per user, the
 * intensity by minute and the requests of sessions that are still open.
 *
 * @throws RangeError when `sessions` or `days` is not a positive whole number
 *
 * Sources: {@link trafficFacts} for what was recorded, {@link assumptions} for what was not.
 */
export function* supportAgentTraffic({
  seed,
  sessions = 60_000,
  days = 14,
  start = Date.UTC(2026, 0, 5),
}: SupportTrafficOptions): Generator<SupportRequest, void> {
  requireWhole("sessions", sessions);
  requireWhole("days", days);
  const arrivals = textStream(`${seed}/arrivals`);
  const starts = sessionStarts(sessions, intensityByMinute(days, start, arrivals), arrivals);
  const users = userOfEachSession(sessions, textStream(`${seed}/users`));
  const converse = conversations(textStream(`${seed}/conversations`));
  function* conversationsInOrder() {
    for (let session = 0; session < sessions; session++) {
      const at = start + (starts.next().value as number);
      yield converse(`c-${String(session + 1).padStart(7, "0")}`, at, users(session));
    }
  }
  yield* inTimeOrder(conversationsInOrder());
}

function requireWhole(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`supportAgentTraffic needs ${name} to be a whole number of at least 1, got ${value}`);
  }
}

interface User {
  readonly id: string;
  readonly tier: Tier;
  readonly region: Region;
  readonly workflow: Workflow;
  readonly hardness: number; // normal score that all sessions of the user share
}

/** Who holds each session: numbers of sessions are heavy-tailed, and the sessions of a user lie anywhere in the log. */
function userOfEachSession(sessions: number, draw: RandomStream): (session: number) => User {
  const sessionsOfUser = yuleSimon(assumptions.sessionsPerUser, assumptions.mostSessionsPerUser, draw);
  const normal = randomNormal.source(draw)();
  const users: User[] = [];
  const holder = new Int32Array(sessions);
  for (let filled = 0; filled < sessions; ) {
    const held = Math.min(sessions, filled + sessionsOfUser());
    holder.fill(users.length, filled, held);
    filled = held;
    users.push({
      id: `u-${String(users.length + 1).padStart(6, "0")}`,
      tier: pick(assumptions.tiers, draw()),
      region: pick(assumptions.regions, draw()),
      workflow: pick(workflowShares, draw()),
      hardness: normal(),
    });
  }
  shuffle(holder, draw);
  return (session) => users[holder[session] as number] as User;
}

/**
 * Yule–Simon numbers with mean ρ / (ρ − 1), those above `most` drawn again: geometric with p = exp(−W), W exponential
 * with rate ρ.
 *
 * Source: Simon (1955), On a class of skew distribution functions, Biometrika 42:425–440.
 */
function yuleSimon(mean: number, most: number, draw: RandomStream): () => number {
  const eagerness = randomExponential.source(draw)(mean / (mean - 1));
  const geometric = randomGeometric.source(draw);
  return () => {
    for (;;) {
      const number = geometric(Math.exp(-eagerness()))();
      if (number <= most) return number;
    }
  };
}

const workflowShares = Object.fromEntries(
  Object.entries(assumptions.workflows).map(([workflow, { share }]) => [workflow, share]),
) as Record<Workflow, number>;

/** The name on which `u` in [0, 1) falls when the shares are laid end to end. */
function pick<Name extends string>(shares: Readonly<Record<Name, number>>, u: number): Name {
  const names = Object.keys(shares) as Name[];
  let left = u;
  for (const name of names) {
    left -= shares[name];
    if (left < 0) return name;
  }
  return names.at(-1) as Name;
}

/** Source: Knuth, The Art of Computer Programming 2, 3.4.2, algorithm P. */
function shuffle(values: Int32Array, draw: RandomStream): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = Math.floor(draw() * (last + 1));
    const value = values[last] as number;
    values[last] = values[other] as number;
    values[other] = value;
  }
}

/** Draws whole conversations; one stream, so each depends on those before it. */
function conversations(draw: RandomStream): (id: string, at: number, user: User) => SupportRequest[] {
  const normal = randomNormal.source(draw)();
  const thinkGap = randomLogNormal.source(draw)(trafficFacts.thinkGap.mu, trafficFacts.thinkGap.sigma);
  const { perTurn, shape } = toolCalls();
  const toolAppetite = randomGamma.source(draw)(shape, perTurn / shape);
  const errorScale = 1 / trafficFacts.toolErrorClustering.icc - 1;
  const { errorRate } = trafficFacts.tools;
  const toolTrouble = randomBeta.source(draw)(errorRate * errorScale, (1 - errorRate) * errorScale);
  const poisson = randomPoisson.source(draw);
  const binomial = randomBinomial.source(draw);
  const injectionScore = randomBeta.source(draw)(...assumptions.guardrailScore.injection);
  const ordinaryScore = randomBeta.source(draw)(...assumptions.guardrailScore.ordinary);

  return (id, at, user) => {
    const workflow = draw() < assumptions.loyalty ? user.workflow : pick(workflowShares, draw());
    const hardness = correlated(user.hardness, normal(), assumptions.difficultyClustering);
    const difficulty = round4(normalLowerTail(hardness + hardnessShift(workflow)));
    const topic = workflow === "refund" && draw() < assumptions.pressingRefunds ? "pressing" : workflow;
    const hostile = draw() < assumptions.hostileSessions;
    const turns = sessionLength(draw());
    const meanToolCalls = toolAppetite();
    const toolErrorRate = toolTrouble();
    const contextScore = normal();
    const generatedScore = normal();
    const names = subjects(draw);

    let time = at;
    return Array.from({ length: turns }, (_, index) => {
      if (index > 0) time += thinkGapMs(thinkGap);
      const adversarial = hostile && draw() < assumptions.injectionsInHostileSessions;
      const context = correlated(contextScore, normal(), trafficFacts.tokenClustering.context);
      const generated = correlated(generatedScore, normal(), trafficFacts.tokenClustering.generated);
      const service = correlated(generated, normal(), assumptions.latencyWithTokens ** 2);
      const tool_calls = poisson(meanToolCalls)();
      return {
        conversation_id: id,
        user_id: user.id,
        requested_at: new Date(time).toISOString(),
        workflow,
        tier: user.tier,
        region: user.region,
        input: {
          text: phrase(adversarial ? "injection" : topic, index, names, draw()),
          turn: index + 1,
          turns,
          difficulty,
          context_tokens: Math.ceil(quantileOf(trafficFacts.contextTokens, normalLowerTail(context))),
          generated_tokens: Math.ceil(quantileOf(trafficFacts.generatedTokens, normalLowerTail(generated))),
          tool_calls,
          tool_errors: binomial(tool_calls, toolErrorRate)(),
          service_ms: Math.ceil(serviceMsOf(service)),
          adversarial,
          guardrail: round4(adversarial ? injectionScore() : ordinaryScore()),
        },
      };
    });
  };
}

/** A normal score that shares the part `clustering` of its variance with `common`. */
function correlated(common: number, own: number, clustering: number): number {
  return Math.sqrt(clustering) * common + Math.sqrt(1 - clustering) * own;
}

/** What a workflow adds to a normal score, so that the skill of the overall completion rate completes it at its own. */
function hardnessShift(workflow: Workflow): number {
  const { overall, byHardness } = trafficFacts.completion;
  return normalUpperQuantile(byHardness[assumptions.workflows[workflow].hardness]) - normalUpperQuantile(overall);
}

function normalLowerTail(score: number): number {
  return normalUpperTail(-score);
}

const sessionLengths = Object.fromEntries(
  trafficFacts.sessionLength.counts.map((count, index) => [
    index + 1,
    count / trafficFacts.sessionLength.counts.reduce((sum: number, x) => sum + x, 0),
  ]),
);

/** Requests of a session; the recorded sessions of 15 or more have 15 here. */
function sessionLength(u: number): number {
  return Number(pick(sessionLengths, u));
}

/** Gaps beyond four hours are drawn again (0.01 %): the recorded ones, of up to six days, would leave sessions open. */
function thinkGapMs(seconds: () => number): number {
  for (;;) {
    const gap = seconds();
    if (gap <= assumptions.longestThinkGapSeconds) return gap * 1000;
  }
}

/**
 * Tool calls of a turn are Poisson around an appetite that is gamma over sessions. The mean per turn is the recorded
 * one per conversation over its turns (5.82 / 7.45), since sessions here are shorter; the shape k is the one that gives
 * the recorded variance V of calls C over conversations of T turns: V = E C + (E C / E T)² (E T² (1 + 1/k) − (E T)²).
 */
function toolCalls(): { readonly perTurn: number; readonly shape: number } {
  const { userTurns, calls } = trafficFacts.tools;
  const perTurn = calls.mean / userTurns.mean;
  const squaredTurns = userTurns.mean ** 2 + userTurns.sd ** 2;
  const mixed = (calls.sd ** 2 - calls.mean) / perTurn ** 2 + userTurns.mean ** 2;
  return { perTurn, shape: squaredTurns / (mixed - squaredTurns) };
}

interface QuantileTable {
  readonly probabilities: readonly number[];
  readonly values: readonly number[];
}

/** The quantile at `u`, linear between the recorded ones. */
function quantileOf({ probabilities, values }: QuantileTable, u: number): number {
  const above = Math.max(
    1,
    probabilities.findIndex((probability) => u <= probability),
  );
  const [low, high] = [probabilities[above - 1] as number, probabilities[above] as number];
  const [from, to] = [values[above - 1] as number, values[above] as number];
  return from + ((to - from) * (u - low)) / (high - low);
}

const logServiceMs = {
  probabilities: trafficFacts.serviceMs.probabilities,
  values: trafficFacts.serviceMs.values.map(Math.log),
};

/** Service time of a normal score: log-linear up to the recorded P99, Pareto above it, given up at 60 s. */
function serviceMsOf(score: number): number {
  const { probabilities, values, tailIndex } = trafficFacts.serviceMs;
  const exceeded = normalUpperTail(score);
  const beyond = 1 - (probabilities.at(-1) as number);
  if (exceeded >= beyond) return Math.exp(quantileOf(logServiceMs, 1 - exceeded));
  return Math.min(assumptions.longestServiceMs, (values.at(-1) as number) * (beyond / exceeded) ** (1 / tailIndex));
}

function round4(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** Merges conversations, given in order of their first request, into one stream of requests in order of time. */
function* inTimeOrder(conversations: Iterable<readonly SupportRequest[]>): Generator<SupportRequest, void> {
  const waiting: SupportRequest[] = []; // the next one last
  for (const requests of conversations) {
    const now = requests[0]?.requested_at ?? "";
    while ((waiting.at(-1)?.requested_at ?? "~") <= now) yield waiting.pop() as SupportRequest;
    for (const request of requests) insert(waiting, request);
  }
  while (waiting.length > 0) yield waiting.pop() as SupportRequest;
}

function insert(waiting: SupportRequest[], request: SupportRequest): void {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((waiting[middle] as SupportRequest).requested_at > request.requested_at) low = middle + 1;
    else high = middle;
  }
  waiting.splice(low, 0, request);
}
