import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { normalUpperQuantile } from "../../statistics/distributions.ts";
import { wangTsiatisBounds } from "../../statistics/sequential/bound-shapes.ts";
import { type Bounds, efficacyBounds, futilityDesign } from "../../statistics/sequential/group-sequential.ts";
import { inflationFactor } from "../../statistics/sequential/sequential-design.ts";

const script = fileURLToPath(new URL("../golden/compare_rpact.R", import.meta.url));
const { status, stdout } = spawnSync("Rscript", [script], { encoding: "utf8" });
const there = status === 0;
if (!there)
  console.info("R with rpact is not installed: the live comparison is skipped (apt-get install r-cran-rpact)");

interface Design {
  readonly upper: readonly number[];
  readonly lower: readonly number[] | null;
  readonly inflation: number;
}

const found = there
  ? Object.fromEntries((JSON.parse(stdout) as (Design & { id: string })[]).map((own) => [own.id, own]))
  : {};

const quarters = [0.25, 0.5, 0.75, 1];
const uneven = [0.3, 0.5, 0.9, 1];

describe.skipIf(!there)("rpact, as it is installed, agrees", () => {
  it.each<[string, Bounds, number, number]>([
    [
      "O'Brien-Fleming spending",
      efficacyBounds({ information: uneven, error: 0.025, spending: { kind: "obrien-fleming" } }),
      0.025,
      0.9,
    ],
    [
      "Pocock spending",
      efficacyBounds({ information: uneven, error: 0.025, spending: { kind: "pocock" } }),
      0.025,
      0.9,
    ],
    [
      "Kim-DeMets 2.5",
      efficacyBounds({ information: quarters, error: 0.01, spending: { kind: "power", rho: 2.5 } }),
      0.01,
      0.8,
    ],
    [
      "Hwang-Shih-DeCani -4",
      efficacyBounds({ information: uneven, error: 0.05, spending: { kind: "hwang-shih-decani", gamma: -4 } }),
      0.05,
      0.8,
    ],
    ["Wang-Tsiatis 0.3", wangTsiatisBounds({ information: quarters, error: 0.025, delta: 0.3 }), 0.025, 0.9],
  ])("on %s", (id, bounds, error, power) => {
    const own = found[id] as Design;
    // rpact's quadrature is good to some 1e-8, its roots to 1e-8
    own.upper.forEach((bound, k) => void expect(Math.abs((bounds.upper[k] as number) - bound)).toBeLessThan(1e-6));
    expect(Math.abs(inflationFactor(bounds, error, power) - own.inflation)).toBeLessThan(1e-5);
  });

  it.each([
    ["binding futility", { kind: "obrien-fleming" }, { kind: "obrien-fleming" }, true],
    ["futility that is not binding", { kind: "power", rho: 2 }, { kind: "power", rho: 1.5 }, false],
  ] as const)("on %s", (id, spending, betaSpending, binding) => {
    const own = found[id] as Design;
    const design = futilityDesign({ information: quarters, error: 0.025, spending, beta: 0.1, betaSpending, binding });
    own.upper.forEach((bound, k) => void expect(Math.abs((design.upper[k] as number) - bound)).toBeLessThan(1e-5));
    own.lower?.forEach((bound, k) => void expect(Math.abs((design.lower[k] as number) - bound)).toBeLessThan(1e-4));
    const fixed = (normalUpperQuantile(0.025) + normalUpperQuantile(0.1)) ** 2;
    expect(Math.abs(design.drift ** 2 / fixed - own.inflation)).toBeLessThan(1e-4);
  });
});
