import { isComposition } from "../plan/metric.ts";
import { type ControlledStage, controlledStages, marginIn, type Plan } from "../plan/plan.ts";
import { type Arms, readMargin } from "../plan/reading.ts";
import { normalUpperTail } from "../statistics/distributions.ts";
import { holm } from "../statistics/means/multiplicity.ts";
import { arrivedIn, type Canary, type Judgement, metricLook } from "./judge.ts";

/** How a segment stands at the last look. */
export interface SegmentReading {
  readonly attribute: string;
  readonly value: string;
  readonly key: string;
  readonly units: Arms<number>;
  readonly control: number;
  readonly candidate: number;
  readonly harm: number;
  readonly zRollback: number;
  readonly zPass: number;
  /** one-sided p of no harm, Holm over the segments of the metric; null when it cannot be computed */
  readonly adjustedP: number | null;
}

/** More values than this are no segments. */
const mostSegments = 50;

/** Every guardrail of everyone inside every value of every attribute, at the last look: to be read, not to decide on. */
export function segmentReadings(plan: Plan, canary: Canary, { looks }: Judgement): SegmentReading[] {
  const last = looks.at(-1);
  if (!last) return [];
  const stage = controlledStages(plan)[last.look.stage] as ControlledStage;
  const arrived = arrivedIn(canary, stage, last.atMs - last.look.elapsedMs, last.atMs);
  const segments = [...canary.outcomes.attributes].flatMap(([attribute, { names }]) =>
    names.length < 2 || names.length > mostSegments ? [] : [...names].sort().map((value) => ({ attribute, value })),
  );
  return plan.guardrails.flatMap((guardrail) => {
    const { metric, key } = guardrail;
    // a composition is one of everything that was shown
    if (guardrail.segment || isComposition(metric)) return [];
    const mature = arrived.filter((i) => (canary.outcomes.endMs[i] as number) + metric.matureAfterMs <= last.atMs);
    const found = segments.map((segment) => {
      const look = metricLook({ ...guardrail, segment }, mature, canary);
      const { harm, zHarm, zMargin } = readMargin(metric, marginIn(stage, guardrail), look, guardrail.rollbackAbove);
      return { segment, look, harm, zRollback: zHarm, zPass: zMargin };
    });
    const known = found.filter(({ zRollback }) => !Number.isNaN(zRollback));
    const adjusted = holm(known.map(({ zRollback }) => normalUpperTail(zRollback)));
    return found.map((own) => ({
      ...own.segment,
      key,
      units: own.look.units,
      control: own.look.control.estimate,
      candidate: own.look.candidate.estimate,
      harm: own.harm,
      zRollback: own.zRollback,
      zPass: own.zPass,
      adjustedP: adjusted[known.indexOf(own)] ?? null,
    }));
  });
}
