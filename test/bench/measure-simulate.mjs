// @ts-check
// Plain JavaScript: what is measured is the built package, without a loader of TypeScript.
const dist = new URL("../../dist/", import.meta.url).href;
/** @template T @param {string} path @returns {Promise<T>} */
const load = (path) => import(dist + path);
/** @type {typeof import("../../sim/simulate.ts")} */
const { simulate, simulateSalts, simulationWorker } = await load("sim/simulate.js");
/** @type {typeof import("../../sim/simulation-input.ts")} */
const { simulationInput } = await load("sim/simulation-input.js");
/** @type {typeof import("../../io/pool.ts")} */
const { inline, threadPool } = await load("io/pool.js");
/** @type {typeof import("../../statistics/random-stream.ts")} */
const { randomStream, studyKey } = await load("statistics/random-stream.js");

/** @typedef {import("../../plan/metric.ts").Metric} Metric */
/** @typedef {import("../../shadow/outcomes.ts").Values} Values */

const [what = "", size = "10000", threads = "1"] = process.argv.slice(2);
const sessions = Number(size);
const hour = 3_600_000;
/** of the whole plan, in hours: four stages with ten looks each, and ten hours after them */
const hours = 50;
const exposures = [0.01, 0.05, 0.25, 0.5];
const replicatesPerSalt = 250;
const isLong = sessions > 1e6;
const repeats = isLong ? 2 : 3;

/** @type {Readonly<Record<string, () => Promise<object> | object>>} */
const measures = { moments: () => engine(false), quantiles: () => engine(true), perUnit };
const measured = await measures[what]?.();
console.log(JSON.stringify({ ...measured, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));

/** Two proportions, two means, two ratios; with quantiles P95 and P99 instead of the means. */
function metricsOf(/** @type {boolean} */ quantiles) {
  const common = {
    better: "lower",
    matureAfterMs: 0,
    value: "",
    numerator: "",
    denominator: "",
    whenFailed: "missing",
  };
  const one = (/** @type {object} */ own) => /** @type {Metric} */ (/** @type {unknown} */ ({ ...common, ...own }));
  return [
    one({ name: "failed", kind: "proportion" }),
    one({ name: "abandoned", kind: "proportion" }),
    ...(quantiles
      ? [0.95, 0.99].map((quantile) => one({ name: `latency_${quantile}`, kind: "quantile", quantile }))
      : ["cost", "duration"].map((name) => one({ name, kind: "mean" }))),
    one({ name: "tool_errors", kind: "ratio" }),
    one({ name: "retries", kind: "ratio" }),
  ];
}

/** Sessions of a fifth as many users, whose outcomes have a user effect; visible at the end of their hour. */
function trafficOf(/** @type {readonly Metric[]} */ metrics) {
  const random = randomStream(studyKey("bench"), 99, 0);
  const users = Math.max(1, Math.floor(sessions / 5));
  const effect = Float64Array.from({ length: users }, () => random());
  const unit = Int32Array.from({ length: sessions }, () => Math.floor(random() * users));
  const arrivalMs = Float64Array.from({ length: sessions }, () => random() * hours * hour).sort();
  /** @type {(numerator: (user: number) => number, denominator?: () => number) => Values} */
  const sums = (numerator, denominator = () => 1) => ({
    kind: "sums",
    numerator: Float64Array.from(unit, (user) => numerator(/** @type {number} */ (effect[user]))),
    denominator: Float64Array.from(unit, denominator),
    missing: new Uint8Array(sessions),
  });
  /** @type {(kind: Metric["kind"]) => Values} */
  const valuesOf = (kind) => {
    if (kind === "proportion") return sums((user) => (random() < 0.02 + 0.1 * user ? 1 : 0));
    if (kind === "mean") return sums((user) => (0.5 + user) * (0.5 + random()));
    if (kind === "ratio")
      return sums(
        (user) => (random() < 0.2 * user ? 1 : 0),
        () => 1 + Math.floor(3 * random()),
      );
    return {
      kind: "requests",
      offsets: Int32Array.from({ length: sessions + 1 }, (_, i) => i),
      values: Float64Array.from(unit, (user) =>
        Math.exp(6 + /** @type {number} */ (effect[user]) - Math.log(1 - random())),
      ),
    };
  };
  return {
    sessions: Array.from({ length: sessions }, (_, i) => `s${i}`),
    unit,
    unitNames: Array.from({ length: users }, (_, user) => `u${user}`),
    arrivalMs,
    endMs: arrivalMs,
    attributes: new Map(),
    metrics: metrics.map((metric) => {
      const values = valuesOf(metric.kind);
      return { metric, control: values, candidate: values };
    }),
  };
}

/** @type {(metrics: readonly Metric[]) => import("../../plan/plan.ts").Plan} */
function planOf(metrics) {
  return {
    assignBy: "user",
    salt: "bench",
    primary: "failed",
    guardrails: metrics.map((metric) => ({
      key: metric.name,
      metric,
      margin: { kind: "relative", factor: 1.5 },
      written: "50%",
      spending: { kind: "pocock" },
      weight: 1,
    })),
    gates: [],
    stages: exposures.map((exposure) => ({
      kind: "controlled",
      name: `${100 * exposure}%`,
      exposure,
      where: [],
      // every stage takes all its looks
      minimumMs: 10 * hour,
      maximumMs: 10 * hour,
      minimumSample: 1,
      lookEveryMs: hour,
      weight: 1,
    })),
    rule: { evidence: "sequential", onTimeout: "promote", rollbackFloor: 30, leak: 0.25 },
    budgets: { falseRollback: 0.05, missedRegression: 0.1, falseStop: 0.2 },
  };
}

/** No change, clustering and resampling of the population on. */
async function engine(/** @type {boolean} */ quantiles) {
  const metrics = metricsOf(quantiles);
  const traffic = trafficOf(metrics);
  const input = simulationInput(planOf(metrics), traffic, [
    { name: "no_change", candidate: traffic.metrics.map(({ control }) => control) },
  ]);
  const pool = threads === "1" ? inline(simulateSalts) : threadPool(simulationWorker, Number(threads));
  /** @type {(salts: number, replicates: number) => Promise<number>} */
  const secondsOf = async (salts, replicates) => {
    const times = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      const start = performance.now();
      const [own] = await simulate(input, { seed: "bench", salts, replicatesPerSalt: replicates }, pool);
      if (own?.bySalt.flat().length !== salts * replicates) throw new Error("rollouts are missing");
      times.push((performance.now() - start) / 1000);
    }
    // others' work only adds
    return Math.min(...times);
  };
  // a multiple of the salts of a job, for every thread
  const few = Number(threads) * (isLong ? 5 : 10);
  const [less, tables] = [await secondsOf(few, 1), await secondsOf(3 * few, 1)];
  const [some, all] = [await secondsOf(few, replicatesPerSalt), await secondsOf(3 * few, replicatesPerSalt)];
  const crowded = await secondsOf(few, 10 * replicatesPerSalt);
  // what more salts take: set-up is over
  const tableSeconds = (tables - less) / (2 * few);
  const saltSeconds = (all - some) / (2 * few);
  return {
    setUpSeconds: less - few * tableSeconds,
    tableSeconds,
    saltSeconds,
    rolloutsPerSecond: (few * 9 * replicatesPerSalt) / (crowded - some),
  };
}

/** The same looks by units: every user is assigned anew, every session is added to its arm. No resampling, no bounds, no rule. */
function perUnit() {
  const metrics = metricsOf(false);
  const { unit, arrivalMs, metrics: outcomes } = trafficOf(metrics);
  const columns = outcomes.map(({ control }) => /** @type {Extract<Values, { kind: "sums" }>} */ (control));
  const users = Math.max(1, Math.floor(sessions / 5));
  const rollouts = Math.max(1, Math.round(3e6 / sessions));
  const candidate = new Uint8Array(users);
  let harmful = 0;
  const begin = performance.now();
  for (let r = 0; r < rollouts; r++) {
    const random = randomStream(studyKey("per unit"), 1, r);
    const place = Float64Array.from({ length: users }, () => random());
    let i = 0;
    for (const [stage, exposure] of exposures.entries()) {
      for (let user = 0; user < users; user++) candidate[user] = /** @type {number} */ (place[user]) < exposure ? 1 : 0;
      // n, Σa, Σb, Σaa, Σab, Σbb of each arm and metric
      const sums = new Float64Array(2 * columns.length * 6);
      for (let look = 1; look <= 10; look++) {
        const until = (10 * stage + look) * hour;
        for (; i < sessions && /** @type {number} */ (arrivalMs[i]) < until; i++) {
          const arm = /** @type {number} */ (candidate[/** @type {number} */ (unit[i])]);
          for (let g = 0; g < columns.length; g++) {
            const { numerator, denominator } = /** @type {typeof columns[number]} */ (columns[g]);
            const [a, b] = [/** @type {number} */ (numerator[i]), /** @type {number} */ (denominator[i])];
            const at = (2 * g + arm) * 6;
            for (const [c, value] of [1, a, b, a * a, a * b, b * b].entries()) {
              sums[at + c] = /** @type {number} */ (sums[at + c]) + value;
            }
          }
        }
        for (let g = 0; g < columns.length; g++) if (zOf(sums, 12 * g) > 3) harmful += 1;
      }
    }
  }
  return { rolloutsPerSecond: (1000 * rollouts) / (performance.now() - begin), harmful };
}

/** Difference of two ratios of sums over its standard error, sessions taken as independent. */
function zOf(/** @type {Float64Array} */ sums, /** @type {number} */ at) {
  const arm = (/** @type {number} */ from) => {
    const [n = 0, a = 0, b = 0, aa = 0, ab = 0, bb = 0] = sums.subarray(from, from + 6);
    const ratio = a / b;
    return { ratio, variance: ((aa - 2 * ratio * ab + ratio ** 2 * bb) * n) / (n - 1) / b ** 2 };
  };
  const [control, tried] = [arm(at), arm(at + 6)];
  return (tried.ratio - control.ratio) / Math.sqrt(control.variance + tried.variance);
}
