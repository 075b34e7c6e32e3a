import { binomialQuantile } from "../../statistics/distributions.ts";
import type { Estimate } from "../../statistics/estimate.ts";
import { type RandomStream, randomStream, studyKey } from "../../statistics/random-stream.ts";

/** One kind of data without a difference between the arms. */
export interface Cell {
  readonly population: string;
  /** of the units, by arm */
  readonly split: readonly [number, number];
  /** units of both arms */
  readonly n: number;
}

/** A test or an interval, as it is used on a sample. */
export interface Method<Sample> {
  readonly name: string;
  /** its file in statistics/ */
  readonly file: string;
  /** two-sided; undefined when it cannot be computed, which rejects nothing */
  readonly test?: (sample: Sample, cell: Cell) => number | undefined;
  readonly interval?: (sample: Sample, cell: Cell) => Estimate;
  /** what the interval should hold */
  readonly truth?: (cell: Cell) => number;
  /** a tenth of the replicates is drawn */
  readonly costly?: boolean;
  /** where its docstring says that it does not hold its level, or its interval its coverage */
  readonly fails?: (cell: Cell) => boolean;
}

export interface Study<Sample> {
  readonly name: string;
  readonly cells: readonly Cell[];
  readonly draw: (cell: Cell, random: RandomStream) => Sample;
  readonly methods: readonly Method<Sample>[];
}

export const levels = [0.01, 0.05, 0.1] as const;

/** What came of a method in a cell. */
export interface Row {
  readonly study: string;
  readonly method: string;
  readonly file: string;
  readonly cell: Cell;
  readonly replicates: number;
  /** p ≤ level, by level; undefined for an interval alone */
  readonly rejected?: readonly number[] | undefined;
  /** of 95 % intervals that could be computed */
  readonly missed?: number | undefined;
  readonly intervals?: number | undefined;
  /** tests or intervals that could not be computed */
  readonly undetermined: number;
  readonly fails: boolean;
}

/** Every method on the same samples of a cell; a sample is a function of the study's name, the cell and the replicate. */
export function runStudy<Sample>(
  study: Study<Sample>,
  replicates: number,
  keep: (cell: Cell) => boolean = () => true,
): Row[] {
  return study.cells.filter(keep).flatMap((cell) => {
    const key = studyKey(`${study.name}, ${cell.population}, ${cell.split.join(":")}, ${cell.n}`);
    const counts = study.methods.map(() => ({
      rejected: levels.map(() => 0),
      missed: 0,
      intervals: 0,
      undetermined: 0,
      drawn: 0,
    }));
    for (let replicate = 0; replicate < replicates; replicate++) {
      const sample = study.draw(cell, randomStream(key, 0, replicate));
      study.methods.forEach((method, i) => {
        if (method.costly && replicate % 10 !== 0) return;
        const own = counts[i] as (typeof counts)[number];
        own.drawn += 1;
        const p = method.test?.(sample, cell);
        if (method.test && (p === undefined || Number.isNaN(p))) own.undetermined += 1;
        for (const [k, level] of levels.entries())
          if (p !== undefined && p <= level) own.rejected[k] = (own.rejected[k] as number) + 1;
        const interval = method.interval?.(sample, cell);
        if (interval?.status === "undetermined" && !method.test) own.undetermined += 1;
        if (interval?.status !== "ok") return;
        own.intervals += 1;
        const truth = method.truth?.(cell) ?? 0;
        if (interval.low > truth || interval.high < truth) own.missed += 1;
      });
    }
    return study.methods.map((method, i): Row => {
      const { rejected, missed, intervals, undetermined, drawn } = counts[i] as (typeof counts)[number];
      return {
        study: study.name,
        method: method.name,
        file: method.file,
        cell,
        replicates: drawn,
        ...(method.test ? { rejected } : {}),
        ...(method.interval ? { missed, intervals } : {}),
        undetermined,
        fails: method.fails?.(cell) ?? false,
      };
    });
  });
}

/** Chance that any count of a whole grid passes its limit although every method has exactly its level. */
export const falseAlarm = 1e-3;

/**
 * The largest count that a method of exactly the level reaches, but for {@link falseAlarm} over all comparisons of a grid: a
 * binomial quantile, Bonferroni over the comparisons.
 */
export function limitOf(level: number, replicates: number, comparisons: number): number {
  return binomialQuantile(1 - falseAlarm / comparisons, replicates, level);
}

/** How many counts are compared with a limit. */
export function comparisonsOf(rows: readonly Row[]): number {
  return rows.reduce(
    (sum, { rejected, intervals }) => sum + (rejected?.length ?? 0) + (intervals === undefined ? 0 : 1),
    0,
  );
}

/** The levels that a method passes beyond chance, and whether its interval misses too often. */
export function excessOf(
  row: Row,
  comparisons: number,
): { readonly levels: readonly number[]; readonly coverage: boolean } {
  return {
    levels: levels.filter((level, k) => (row.rejected?.[k] ?? 0) > limitOf(level, row.replicates, comparisons)),
    coverage: (row.missed ?? 0) > limitOf(0.05, row.intervals ?? 0, comparisons),
  };
}
