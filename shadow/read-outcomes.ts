import type { Database } from "../io/duckdb.ts";
import { join, name, raw, type Sql, sql } from "../io/sql.ts";
import { InputError } from "../plan/input-error.ts";
import { type CompositionMetric, isComposition, type Metric } from "../plan/metric.ts";
import { composed } from "./compose.ts";
import { type Lane, lanes } from "./metric-expressions.ts";
import type { Attribute, MetricOutcomes, Observed, Outcomes, Values } from "./outcomes.ts";

/** Column of a part of a metric in the table `matched`. */
export const laneSlot = (lane: Lane, metric: number, part: number) => name(`${lane}_m${metric}_${part}`);

/** The table `matched` as arrays, failed sessions replaced as their metric says. */
export async function readOutcomes(
  database: Database,
  metrics: readonly Metric[],
  attributes: readonly string[],
): Promise<Outcomes> {
  const [sessions, units, arrival, ends] = (await database.columns(sql`
    select session, unit, cast(epoch_ms(arrival) as double), cast(epoch_ms(ends) as double) from matched order by position`)) as unknown as [
    string[],
    string[],
    number[],
    number[],
  ];
  const unit = encode(units);
  const values = new Map<string, Attribute>();
  for (const attribute of attributes) {
    const [texts] = (await database.columns(sql`
      select coalesce(json_extract_string(attributes, ${`/${attribute.replaceAll("~", "~0").replaceAll("/", "~1")}`}), '(missing)')
      from matched order by position`)) as unknown as [string[]];
    values.set(attribute, encode(texts));
  }
  const columns: MetricOutcomes[] = [];
  for (const [i, metric] of metrics.entries()) {
    if (isComposition(metric)) {
      const [control, candidate] = await readObserved(database, i, metric);
      columns.push({ metric, ...composed(metric, control, candidate, unit.codes) });
      continue;
    }
    const read = (lane: Lane) =>
      metric.kind === "quantile" ? readRequests(database, lane, i) : readSums(database, lane, i, metric);
    const [control, candidate] = [await read("control"), await read("candidate")];
    columns.push(
      metric.whenFailed === "worst" && metric.kind !== "ratio"
        ? withWorst(metric, control, candidate)
        : { metric, control: control.values, candidate: candidate.values },
    );
  }
  return {
    sessions,
    unit: unit.codes,
    unitNames: unit.names,
    arrivalMs: Float64Array.from(arrival),
    endMs: Float64Array.from(ends),
    attributes: values,
    metrics: columns,
  };
}

interface Read {
  readonly values: Values;
  readonly failed: Uint8Array;
}

async function readSums(database: Database, lane: Lane, index: number, metric: Metric): Promise<Read> {
  const ratio = metric.kind === "ratio";
  const numerator = laneSlot(lane, index, 0);
  const denominator = ratio ? laneSlot(lane, index, 1) : raw("1.0");
  const failed = name(`${lane}_failed`);
  const own = sql`(${numerator} is not null and ${denominator} is not null
    and isfinite(${numerator}) and isfinite(${denominator}) and not ${failed})`;
  const [top, bottom, present, fail] = (await database.columns(sql`
    select coalesce(case when ${own} then ${numerator} end, 0.0), case when ${own} then ${denominator} else 0.0 end, ${own}, ${failed}
    from matched order by position`)) as unknown as [number[], number[], boolean[], boolean[]];
  if (metric.kind === "proportion") requireBinary(metric, lane, top);
  return {
    values: {
      kind: "sums",
      numerator: Float64Array.from(top),
      denominator: Float64Array.from(bottom),
      missing: Uint8Array.from(present, (there) => (there ? 0 : 1)),
    },
    failed: Uint8Array.from(fail, Number),
  };
}

function requireBinary(metric: Metric, lane: Lane, values: readonly number[]): void {
  const other = values.find((own) => own !== 0 && own !== 1);
  if (other === undefined) return;
  throw new InputError(
    `metric ${metric.name}`,
    `is a proportion, but a session of ${lane} has the value ${other}`,
    "a proportion is true or false for a session (as bool_or(completed)); use kind: mean for numbers",
  );
}

/** The requests' values of the sessions that did not fail: a failed one is missing, also what it answered before. */
async function readRequests(database: Database, lane: Lane, index: number): Promise<Read> {
  const failed = name(`${lane}_failed`);
  const own = sql`case when ${failed} then [] else coalesce(${laneSlot(lane, index, 0)}, []) end`;
  const [counts, fail] = (await database.columns(sql`
    select len(${own}), ${failed} from matched order by position`)) as unknown as [bigint[], boolean[]];
  const [values] = (await database.columns(sql`
    select value from (select position, unnest(${own}) as value from matched) order by position`)) as unknown as [
    number[],
  ];
  const offsets = new Int32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) offsets[i + 1] = (offsets[i] as number) + Number(counts[i]);
  return {
    values: { kind: "requests", offsets, values: Float64Array.from(values) },
    failed: Uint8Array.from(fail, Number),
  };
}

/** What the requests of either lane showed, categories with one code in both; a failed session is missing. */
async function readObserved(
  database: Database,
  index: number,
  metric: CompositionMetric,
): Promise<readonly [Observed, Observed]> {
  const codes = new Map<string, number>();
  const found: Observed[] = [];
  for (const lane of lanes) {
    const parts = metric.kind === "calibration-error" ? [0, 1] : [0];
    const own = parts.map(
      (part) => sql`case when ${name(`${lane}_failed`)} then [] else coalesce(${laneSlot(lane, index, part)}, []) end`,
    );
    const [counts] = (await database.columns(sql`
      select len(${own[0] as Sql}) from matched order by position`)) as unknown as [bigint[]];
    const offsets = new Int32Array(counts.length + 1);
    for (let i = 0; i < counts.length; i++) offsets[i + 1] = (offsets[i] as number) + Number(counts[i]);
    const unnested = join(own.map((list, part) => sql`unnest(${list}) as ${name(`shown_${part}`)}`));
    const columns = await database.columns(sql`
      select * exclude (position) from (select position, ${unnested} from matched) order by position`);
    if (metric.kind === "calibration-error") {
      const [probabilities, outcomes] = columns as unknown as [number[], number[]];
      requireProbabilities(metric, lane, probabilities, outcomes);
      found.push({
        kind: "predictions",
        offsets,
        probabilities: Float64Array.from(probabilities),
        outcomes: Float64Array.from(outcomes),
      });
      continue;
    }
    const [texts] = columns as unknown as [string[]];
    const shown = Int32Array.from(texts, (text) => {
      const known = codes.get(text) ?? codes.size;
      codes.set(text, known);
      return known;
    });
    requireCatalogue(metric, lane, new Set(shown).size);
    found.push({ kind: "categories", offsets, codes: shown, categories: 0 });
  }
  return found.map((own) => (own.kind === "categories" ? { ...own, categories: codes.size } : own)) as unknown as [
    Observed,
    Observed,
  ];
}

function requireProbabilities(
  metric: Metric,
  lane: Lane,
  probabilities: readonly number[],
  outcomes: readonly number[],
): void {
  const outside = probabilities.find((own) => own < 0 || own > 1);
  if (outside !== undefined)
    throw new InputError(
      `metric ${metric.name}`,
      `has the probability ${outside} in ${lane}`,
      "a probability lies between 0 and 1: divide percentages by 100",
    );
  const other = outcomes.find((own) => own !== 0 && own !== 1);
  if (other !== undefined)
    throw new InputError(
      `metric ${metric.name}`,
      `has the outcome ${other} in ${lane}`,
      "an outcome is true or false, or 1 or 0: what the probability was of",
    );
}

function requireCatalogue(metric: CompositionMetric, lane: Lane, seen: number): void {
  if (metric.kind !== "distinct-share" || seen <= metric.catalogue) return;
  throw new InputError(
    `metric ${metric.name}`,
    `has a catalogue of ${metric.catalogue} items, but ${lane} shows ${seen} different ones`,
    "count all items that may be shown, and write their number as catalogue",
  );
}

/** Failed sessions take the worst value: 0 or 1 of a proportion, else the worst value seen in either lane. */
function withWorst(metric: Metric, control: Read, candidate: Read): MetricOutcomes {
  const highest = metric.better === "lower";
  const seen = [control, candidate].map(({ values }) => extreme(values, highest));
  const worst = metric.kind === "proportion" ? (highest ? 1 : 0) : highest ? Math.max(...seen) : Math.min(...seen);
  return { metric, control: replaceFailed(control, worst), candidate: replaceFailed(candidate, worst) };
}

function extreme(values: Values, highest: boolean): number {
  const numbers = values.kind === "sums" ? values.numerator.filter((_, i) => values.missing[i] === 0) : values.values;
  let found = highest ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  for (const value of numbers) if (highest ? value > found : value < found) found = value;
  return Number.isFinite(found) ? found : 0;
}

function replaceFailed({ values, failed }: Read, worst: number): Values {
  if (values.kind === "sums") {
    const pick = (column: Float64Array, value: number) => column.map((own, i) => (failed[i] === 1 ? value : own));
    return {
      kind: "sums",
      numerator: pick(values.numerator, worst),
      denominator: pick(values.denominator, 1),
      missing: values.missing.map((own, i) => (failed[i] === 1 ? 0 : own)),
    };
  }
  // one value, the worst, for each failed session
  const offsets = new Int32Array(values.offsets.length);
  const all: number[] = [];
  for (let i = 0; i < failed.length; i++) {
    for (let k = values.offsets[i] as number; k < (values.offsets[i + 1] as number); k++)
      all.push(values.values[k] as number);
    if (failed[i] === 1) all.push(worst);
    offsets[i + 1] = all.length;
  }
  return { kind: "requests", offsets, values: Float64Array.from(all) };
}

function encode(texts: readonly string[]): Attribute {
  const index = new Map<string, number>();
  const codes = Int32Array.from(texts, (text) => {
    const known = index.get(text);
    if (known !== undefined) return known;
    index.set(text, index.size);
    return index.size - 1;
  });
  return { names: [...index.keys()], codes };
}
