import type { Decision, Plan, Reading } from "../index.ts";
import { count, metricValue, number } from "../reports/format.ts";
import { oneLine } from "./common.ts";
import { table } from "./table.ts";

/** Every guardrail at a look: what was seen, and where it stands against its boundaries. */
export function readingTable(plan: Plan, decision: Decision): string {
  const boundary = (z: number, bound: number) => `${number(z)} / ${number(bound)}`;
  const point = plan.rule.evidence === "point";
  return table(
    ["metric", "control", "candidate", "harm ± SE", "units", "time", "Z_R / b_R", "Z_P / b_P", ""],
    decision.readings.map((reading, g) => {
      const { metric, segment } = plan.guardrails[g] as Plan["guardrails"][number];
      const rate = metric.kind === "proportion" || (metric.kind === "ratio" && metric.measuredIn === undefined);
      const [factor, unit] = rate ? [100, " pp"] : [1, metric.measuredIn ? ` ${metric.measuredIn}` : ""];
      return [
        reading.key,
        metricValue(finite(reading.control), metric),
        metricValue(finite(reading.candidate), metric),
        `${number(finite(factor * reading.harm))} ± ${number(finite(factor * reading.standardError))}${unit}`,
        `${count(reading.n.control)} / ${count(reading.n.candidate)}${segment ? " in it" : ""}`,
        number(reading.time),
        point ? "–" : boundary(reading.zRollback, reading.boundaryRollback),
        point ? "–" : boundary(reading.zPass, reading.boundaryPass),
        reading.unknown ?? (reading.standardError === 0 ? `${standing(reading)}, constant` : standing(reading)),
      ];
    }),
  );
}

function standing({ harmful, passes }: Reading): string {
  if (passes) return harmful ? "harm, inside its margin" : "passes";
  return harmful ? "harm" : "open";
}

/** A decision in a word or two. */
export function words(decision: Decision): string {
  if (decision.action === "rollback") return `rollback (${oneLine(decision.because)})`;
  if (decision.action === "promote") return decision.timeout ? "promote (timeout)" : "promote";
  return decision.final ? "stop" : "hold";
}

/** A number that a table can show. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
