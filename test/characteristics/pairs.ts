import { pairedTInterval, pairedTTest } from "../../statistics/means/paired-means.ts";
import { mcNemarTest } from "../../statistics/proportions/paired.ts";
import { pseudoMedian } from "../../statistics/ranks/shift.ts";
import { signedRank, signTest } from "../../statistics/ranks/signed-rank.ts";
import { two } from "./numbers.ts";
import { draws, normal } from "./populations.ts";
import type { Cell, Method, Study } from "./study.ts";

interface Sample {
  readonly control: Float64Array;
  readonly candidate: Float64Array;
}

const differencesOf = ({ control, candidate }: Sample) => candidate.map((own, i) => own - (control[i] as number));
const discordant = ({ control, candidate }: Sample) => ({
  controlOnly: control.filter((own, i) => own > 0.5 && !((candidate[i] as number) > 0.5)).length,
  candidateOnly: candidate.filter((own, i) => own > 0.5 && !((control[i] as number) > 0.5)).length,
});
const isBoolean = ({ population }: Cell) => population === "success, 5 % discordant";
/** Discordant pairs that are expected. */
const expected = ({ n }: Cell) => 0.05 * n;

const methods: readonly Method<Sample>[] = [
  {
    name: "paired t",
    file: "paired-means",
    test: ({ control, candidate }) => two(pairedTTest(control, candidate)),
    interval: ({ control, candidate }) => pairedTInterval(control, candidate),
    fails: (cell) => isBoolean(cell) && expected(cell) < 20,
  },
  { name: "signed rank", file: "signed-rank", test: (sample) => two(signedRank(differencesOf(sample))) },
  { name: "sign test", file: "signed-rank", test: (sample) => two(signTest(differencesOf(sample))) },
  {
    name: "pseudo-median",
    file: "shift",
    interval: (sample, cell) =>
      isBoolean(cell) ? { status: "undetermined", reason: "of booleans" } : pseudoMedian(differencesOf(sample)),
  },
  ...(["exact", "mid-p", "asymptotic", "continuity-corrected"] as const).map(
    (form): Method<Sample> => ({
      name: `McNemar, ${form}`,
      file: "paired",
      test: (sample, cell) => (isBoolean(cell) ? two(mcNemarTest(discordant(sample), { form })) : undefined),
      fails: (cell) => form.startsWith("a") && expected(cell) < 20,
    }),
  ),
];

/** The same sessions in both arms. */
export const pairs: Study<Sample> = {
  name: "pairs",
  cells: ["normal", "heavy, symmetric", "success, 5 % discordant"].flatMap((population) =>
    [10, 40, 1000].map((n) => ({ population, split: [1, 1] as const, n })),
  ),
  draw: ({ population, n }, random) => {
    const control = draws(n, () => (population.startsWith("success") ? Number(random() < 0.7) : normal(random)));
    const candidate = control.map((own) => {
      if (population === "normal") return own + normal(random);
      // two lognormal numbers, one less the other
      if (population === "heavy, symmetric")
        return own + Math.exp(1.5 * normal(random)) - Math.exp(1.5 * normal(random));
      // each way with the same probability: .7 · .0357 = .3 · .0833 = .025
      return random() < (own === 1 ? 0.025 / 0.7 : 0.025 / 0.3) ? 1 - own : own;
    });
    return { control, candidate };
  },
  methods,
};
