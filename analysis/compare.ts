import type { Guardrail, Plan, Segment } from "../plan/plan.ts";
import { type MarginReading, readMargin } from "../plan/reading.ts";
import { recomposed } from "../shadow/compose.ts";
import type { MetricOutcomes, Outcomes, Values } from "../shadow/outcomes.ts";
import { type Estimate, undetermined } from "../statistics/estimate.ts";
import { type Difference, differenceInterval, twoSidedP, upperTailP, welch } from "../statistics/means/means.ts";
import { holm } from "../statistics/means/multiplicity.ts";
import { relativeDifference } from "../statistics/means/ratio.ts";
import { type Concordance, mcNemarClustered, mcNemarExact } from "../statistics/proportions/paired.ts";
import { type ArmSummary, type Chosen, summarizeArm } from "./arms.ts";

export type MarginWord = "inside" | "beyond" | "unresolved" | "no margin";

/** One metric, control against candidate, over all sessions or inside one segment. */
export interface MetricComparison {
  /** `metric`, or `metric@attribute=value` for a segment guardrail */
  readonly name: string;
  readonly outcomes: MetricOutcomes;
  readonly control: ArmSummary;
  readonly candidate: ArmSummary;
  /** candidate − control; Welch on units, delta method for ratios, order statistics for quantiles */
  readonly difference: Estimate;
  readonly relative: Estimate;
  readonly pValue: number | null;
  readonly test: string;
  readonly paired?: Concordance;
  /** sessions with a value in both lanes */
  readonly pairs: number;
  readonly guardrail: Guardrail | null;
  readonly reading: MarginWord;
  /** one-sided p of harm within the margin; null without a margin */
  readonly pBeyond: number | null;
}

export interface SegmentComparison extends MetricComparison {
  readonly segment: Segment;
  /** Holm over all segments of the metric */
  readonly adjusted: { readonly pValue: number | null; readonly pBeyond: number | null };
}

export interface Comparison {
  readonly level: number;
  readonly metrics: readonly MetricComparison[];
  readonly segments: readonly SegmentComparison[];
  /** what was not compared, and why */
  readonly notes: readonly string[];
}

/** More values than this are no segments: nobody reads them, and Holm's correction would hide every one. */
const mostSegments = 50;

/**
 * Compares control and candidate on the same sessions: every metric, every segment guardrail of the plan, and every
 * metric inside every value of every attribute.
 *
 * Intervals treat the lanes as independent, which is conservative where the lanes' outcomes of a unit rise together, as
 * they do on the same traffic; p-values of proportions use the pairs.
 *
 * @param level two-sided confidence of the intervals
 */
export function compare(plan: Plan, outcomes: Outcomes, level = 0.95): Comparison {
  const everyone = outcomes.sessions.map((_, i) => i);
  const guardrails = new Map(plan.guardrails.map((guardrail) => [guardrail.key, guardrail]));
  const metrics = [
    ...outcomes.metrics.map((own) =>
      compareMetric(own.metric.name, own, everyone, outcomes, guardrails.get(own.metric.name) ?? null, level),
    ),
    ...plan.guardrails.flatMap((guardrail) => {
      const own = outcomes.metrics.find(({ metric }) => metric.name === guardrail.metric.name);
      if (!guardrail.segment || !own) return [];
      const chosen = sessionsOf(guardrail.segment, outcomes);
      return [compareMetric(guardrail.key, recomposed(own, chosen, outcomes.unit), chosen, outcomes, guardrail, level)];
    }),
  ];
  const notes: string[] = [];
  const segments: Segment[] = [];
  for (const [attribute, { names }] of outcomes.attributes) {
    if (names.length > mostSegments) {
      notes.push(`${attribute} has ${names.length} values, more than ${mostSegments}: it is not cut into segments`);
    } else if (names.length > 1) {
      for (const value of names) segments.push({ attribute, value });
    }
  }
  return {
    level,
    metrics: inPlanOrder(metrics, plan),
    segments: outcomes.metrics.flatMap((own) => compareSegments(own, segments, outcomes, guardrails, level)),
    notes,
  };
}

/** Indices of the sessions in a segment. */
export function sessionsOf({ attribute, value }: Segment, outcomes: Outcomes): Chosen {
  const known = outcomes.attributes.get(attribute);
  const code = known?.names.indexOf(value) ?? -1;
  const chosen: number[] = [];
  for (let i = 0; i < outcomes.sessions.length; i++) if (known && known.codes[i] === code) chosen.push(i);
  return chosen;
}

function inPlanOrder(metrics: readonly MetricComparison[], plan: Plan): MetricComparison[] {
  const rank = ({ name }: MetricComparison) => {
    const at = plan.guardrails.findIndex(({ key }) => key === name);
    return at < 0 ? plan.guardrails.length : at;
  };
  return [...metrics].sort((a, b) => rank(a) - rank(b));
}

function compareSegments(
  own: MetricOutcomes,
  segments: readonly Segment[],
  outcomes: Outcomes,
  guardrails: ReadonlyMap<string, Guardrail>,
  level: number,
): SegmentComparison[] {
  const { name } = own.metric;
  const found = segments.map((segment) => {
    const guardrail = guardrails.get(`${name}@${segment.attribute}=${segment.value}`) ?? guardrails.get(name) ?? null;
    const chosen = sessionsOf(segment, outcomes);
    return {
      segment,
      ...compareMetric(name, recomposed(own, chosen, outcomes.unit), chosen, outcomes, guardrail, level),
    };
  });
  const pValues = adjust(found.map(({ pValue }) => pValue));
  const pBeyond = adjust(found.map((entry) => entry.pBeyond));
  return found.map((entry, i) => {
    const adjusted = { pValue: pValues[i] ?? null, pBeyond: pBeyond[i] ?? null };
    const beyond = adjusted.pBeyond !== null && adjusted.pBeyond <= (1 - level) / 2;
    const reading = entry.reading === "beyond" && !beyond ? "unresolved" : entry.reading;
    return { ...entry, adjusted, reading };
  });
}

/** Holm over the p-values that could be computed. */
function adjust(pValues: readonly (number | null)[]): (number | null)[] {
  const known = pValues.flatMap((p, i) => (p === null ? [] : [{ p, i }]));
  const adjusted = holm(known.map(({ p }) => p));
  const all: (number | null)[] = pValues.map(() => null);
  known.forEach(({ i }, k) => {
    all[i] = adjusted[k] as number;
  });
  return all;
}

function compareMetric(
  name: string,
  own: MetricOutcomes,
  chosen: Chosen,
  outcomes: Outcomes,
  guardrail: Guardrail | null,
  level: number,
): MetricComparison {
  const { metric } = own;
  const units = outcomes.unitNames.length;
  const control = summarizeArm(metric, own.control, chosen, outcomes.unit, units);
  const candidate = summarizeArm(metric, own.candidate, chosen, outcomes.unit, units);
  const base = { name, outcomes: own, control, candidate, guardrail, pairs: pairsOf(own, chosen).length };
  const difference = differenceOf(metric.kind, control, candidate);
  if ("status" in difference) {
    const reading = guardrail ? ("unresolved" as const) : ("no margin" as const);
    return { ...base, difference, relative: difference, pValue: null, test: "none", reading, pBeyond: null };
  }
  const paired = metric.kind === "proportion" ? pairedTest(own, chosen, outcomes) : undefined;
  const margin = guardrail ? readMargin(metric, guardrail.margin, { control, candidate }) : null;
  return {
    ...base,
    difference: differenceInterval(difference, level),
    relative: relativeInterval(control, candidate, difference, level),
    pValue: paired ? paired.pValue : twoSidedP(difference),
    test: paired ? paired.test : metric.kind === "quantile" ? "order statistics" : "Welch on units",
    ...(paired ? { paired: paired.concordance } : {}),
    ...marginWord(margin, difference, level),
  };
}

function differenceOf(
  kind: string,
  control: ArmSummary,
  candidate: ArmSummary,
): Difference | ReturnType<typeof undetermined> {
  for (const [lane, arm] of [
    ["control", control],
    ["candidate", candidate],
  ] as const) {
    if (arm.undetermined !== undefined) return undetermined(`${lane}: ${arm.undetermined}`);
    if (arm.n < 2) return undetermined(`${lane} has ${arm.n === 0 ? "no unit" : "one unit"} with a value`);
    if (!Number.isFinite(arm.estimate)) return undetermined(`${lane} has no value: its denominators sum to zero`);
    if (!Number.isFinite(arm.standardError))
      return undetermined(`${lane} has too few values for an interval of this quantile`);
  }
  const difference = welch(control, candidate);
  return kind === "quantile" ? { ...difference, degreesOfFreedom: Number.POSITIVE_INFINITY } : difference;
}

function relativeInterval(
  control: ArmSummary,
  candidate: ArmSummary,
  { degreesOfFreedom }: Difference,
  level: number,
): Estimate {
  const { value, standardError } = relativeDifference(control, candidate);
  if (!Number.isFinite(value)) return undetermined("control is zero");
  return differenceInterval({ difference: value, standardError, degreesOfFreedom }, level);
}

/** `inside` and `beyond` at a one-sided level of half of what the interval leaves out. */
function marginWord(
  margin: MarginReading | null,
  { degreesOfFreedom }: Difference,
  level: number,
): Pick<MetricComparison, "reading" | "pBeyond"> {
  if (!margin) return { reading: "no margin", pBeyond: null };
  if (Number.isNaN(margin.zMargin)) return { reading: "unresolved", pBeyond: null };
  const tail = (1 - level) / 2;
  const pBeyond = upperTailP({ t: -margin.zMargin, degreesOfFreedom });
  if (pBeyond <= tail) return { reading: "beyond", pBeyond };
  const pInside = upperTailP({ t: margin.zMargin, degreesOfFreedom });
  return { reading: pInside <= tail ? "inside" : "unresolved", pBeyond };
}

/** The chosen sessions that have a value in both lanes. */
function pairsOf({ control, candidate }: MetricOutcomes, chosen: Chosen): number[] {
  return chosen.filter((i) => has(control, i) && has(candidate, i));
}

function has(values: Values, i: number): boolean {
  return values.kind === "sums"
    ? values.missing[i] === 0
    : (values.offsets[i + 1] as number) > (values.offsets[i] as number);
}

function pairedTest(
  own: MetricOutcomes,
  chosen: Chosen,
  outcomes: Outcomes,
): { readonly pValue: number; readonly test: string; readonly concordance: Concordance } | undefined {
  const { control, candidate } = own;
  const pairs = pairsOf(own, chosen);
  if (control.kind !== "sums" || candidate.kind !== "sums" || pairs.length === 0) return undefined;
  const counts = { both: 0, controlOnly: 0, candidateOnly: 0, neither: 0 };
  const differences = new Float64Array(outcomes.unitNames.length);
  const seen = new Uint8Array(outcomes.unitNames.length);
  let clustered = false;
  for (const i of pairs) {
    const [was, is] = [control.numerator[i] === 1, candidate.numerator[i] === 1];
    counts[was ? (is ? "both" : "controlOnly") : is ? "candidateOnly" : "neither"] += 1;
    const unit = outcomes.unit[i] as number;
    differences[unit] = (differences[unit] as number) + Number(is) - Number(was);
    if (seen[unit] === 1) clustered = true;
    seen[unit] = 1;
  }
  return clustered
    ? { pValue: mcNemarClustered(differences).pValue, test: "McNemar, clustered by unit", concordance: counts }
    : { pValue: mcNemarExact(counts), test: "McNemar, exact", concordance: counts };
}
