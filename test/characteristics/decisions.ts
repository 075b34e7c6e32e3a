import { empiricalBernsteinLowerBound, hoeffdingLowerBound } from "../../statistics/off-policy/importance-weights.ts";
import { type Estimator, offPolicyValue } from "../../statistics/off-policy/off-policy.ts";
import type { Method, Study } from "./study.ts";

interface Sample {
  readonly reward: readonly number[];
  readonly behaviour: readonly number[];
  readonly evaluation: readonly number[];
  readonly predicted: readonly number[];
  readonly direct: readonly number[];
}

const rates = [0.2, 0.5, 0.8];
const logging = [0.6, 0.3, 0.1];
const judged = [0.2, 0.3, 0.5];
/** A model that is wrong by a tenth. */
const model = rates.map((rate) => 0.9 * rate);
const value = (policy: readonly number[], of: readonly number[]) =>
  policy.reduce((sum, own, i) => sum + own * (of[i] as number), 0);

const method = (name: string, estimator: Estimator): Method<Sample> => ({
  name,
  file: "off-policy",
  interval: (sample) => offPolicyValue(sample, estimator),
  truth: () => value(judged, rates),
});

function lowerBound(name: string, bound: (values: ArrayLike<number>, highest: number) => number): Method<Sample> {
  return {
    name,
    file: "importance-weights",
    interval: ({ reward, behaviour, evaluation }) => {
      const values = reward.map((own, i) => (own * (evaluation[i] as number)) / (behaviour[i] as number));
      // the largest weight is .5 / .1
      return { status: "ok", value: 0, low: bound(values, 5), high: Number.POSITIVE_INFINITY, level: 0.95 };
    },
    truth: () => value(judged, rates),
  };
}

const methods: readonly Method<Sample>[] = [
  method("IPS", { kind: "ips" }),
  method("SNIPS", { kind: "snips" }),
  { ...method("DM, with a model that is wrong by a tenth", { kind: "dm" }), fails: () => true },
  method("DR", { kind: "dr" }),
  method("SNDR", { kind: "sndr" }),
  { ...method("IPS clipped at 2", { kind: "ips", clip: 2 }), fails: () => true },
  { ...method("DRos at 2", { kind: "drOs", lambda: 2 }), fails: () => true },
  { ...method("sub-Gaussian IPS at .1", { kind: "subGaussianIps", lambda: 0.1 }), fails: () => true },
  lowerBound("Hoeffding lower bound of IPS", hoeffdingLowerBound),
  lowerBound("empirical Bernstein lower bound of IPS", empiricalBernsteinLowerBound),
  { ...method("SWITCH-DR at 2", { kind: "switchDr", threshold: 2 }), fails: () => true },
];

/** Logged actions of a policy that is known, judged for another one. */
export const decisions: Study<Sample> = {
  name: "logged decisions",
  cells: [200, 2000].map((n) => ({ population: "three actions", split: [1, 1] as const, n })),
  draw: ({ n }, random) => {
    const actions = Array.from({ length: n }, () => {
      const u = random();
      return u < 0.6 ? 0 : u < 0.9 ? 1 : 2;
    });
    const of = (values: readonly number[]) => actions.map((action) => values[action] as number);
    return {
      reward: of(rates).map((rate) => Number(random() < rate)),
      behaviour: of(logging),
      evaluation: of(judged),
      predicted: of(model),
      direct: actions.map(() => value(judged, model)),
    };
  },
  methods,
};
