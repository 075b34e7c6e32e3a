import { finalize, hashText } from "../plan/assignment.ts";
import { InputError } from "../plan/input-error.ts";
import { isComposition, type Metric } from "../plan/metric.ts";
import type { Outcomes, Values } from "../shadow/outcomes.ts";
import { requestsIn, requestsOf } from "../shadow/some-sessions.ts";
import type { Conditions } from "./conditions.ts";
import type { Course } from "./course.ts";

/**
 * A scenario written in TypeScript or JavaScript: what becomes of each session under the candidate. A module exports it by
 * default.
 */
export interface OwnScenario {
  readonly name: string;
  /** what happens there, in one sentence */
  readonly story?: string;
  /**
   * The candidate's values of the metrics that change, by the metric's name; the others are the control's. The same answer is
   * expected to the same session.
   */
  readonly change: (session: OwnSession) => Readonly<Record<string, OwnValue>> | undefined;
  /** how many sessions it reaches by time since the rollout's start: all of them unless stated */
  readonly course?: Course;
  /** exposure from which on it is there, as a fraction */
  readonly fromExposure?: number;
  /** what else is unlike the log */
  readonly conditions?: Conditions;
}

/** A session of the log under the control. */
export interface OwnSession {
  readonly id: string;
  readonly unit: string;
  /** of its first request, epoch ms */
  readonly at: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** by metric; compositions are not among them */
  readonly values: Readonly<Record<string, OwnValue>>;
  /** in [0, 1), evenly spread and fixed by its id: `chance < 0.1` is the same tenth of all sessions in every run */
  readonly chance: number;
}

/**
 * A metric's value in one session: the number of a mean, 0 or 1 of a proportion, numerator and denominator of a ratio, the
 * requests' values of a quantile; null for none.
 */
export type OwnValue = number | { readonly numerator: number; readonly denominator: number } | readonly number[] | null;

/** A scenario as it is, with its types checked. */
export function defineScenario(scenario: OwnScenario): OwnScenario {
  return scenario;
}

/**
 * The candidate's values, one entry a metric; the control's own object where no session changed.
 *
 * @param place of the scenario, for messages
 * @throws InputError for an answer that names no metric or does not fit it, and when `change` throws
 */
export function changedValues({ change, name }: OwnScenario, outcomes: Outcomes, place: string): readonly Values[] {
  const answerTo = (session: OwnSession) => {
    try {
      return change(session);
    } catch (cause) {
      const message = (cause as Error | null)?.message ?? String(cause);
      throw new InputError(place, `${name} throws for session ${session.id}: ${message}`, "mend change of the module", {
        cause,
      });
    }
  };
  const plain = outcomes.metrics.filter(({ metric }) => !isComposition(metric));
  const changes = outcomes.metrics.map(() => new Map<number, OwnValue>());
  for (const [i, id] of outcomes.sessions.entries()) {
    const session = {
      id,
      unit: outcomes.unitNames[outcomes.unit[i] as number] as string,
      at: outcomes.arrivalMs[i] as number,
      attributes: Object.fromEntries(
        [...outcomes.attributes].map(([own, { names, codes }]) => [own, names[codes[i] as number] as string]),
      ),
      values: Object.fromEntries(plain.map(({ metric, control }) => [metric.name, valueIn(metric, control, i)])),
      chance: finalize(hashText(id)[0] ^ chanceSalt) / 2 ** 32,
    };
    const answer = answerTo(session);
    for (const [metric, value] of Object.entries(answer ?? {})) {
      const m = outcomes.metrics.findIndex((own) => own.metric.name === metric);
      const problem = m < 0 ? "there is no such metric" : misfit(outcomes.metrics[m]?.metric as Metric, value);
      if (problem !== undefined)
        throw new InputError(
          place,
          `${name} changes ${metric} of session ${id} to ${JSON.stringify(value)}: ${problem}`,
          `change one of ${plain.map((own) => own.metric.name).join(", ")}`,
        );
      (changes[m] as Map<number, OwnValue>).set(i, value);
    }
  }
  return outcomes.metrics.map(({ control }, m) => withChanges(control, changes[m] as Map<number, OwnValue>));
}

/** Keeps the chance of a session apart from its assignment and from other draws. */
const chanceSalt = 0x1b56c4e9;

function valueIn({ kind }: Metric, values: Values, i: number): OwnValue {
  if (values.kind === "requests") return [...requestsIn(values, i)];
  if (values.missing[i] === 1) return null;
  const numerator = values.numerator[i] as number;
  return kind === "ratio" ? { numerator, denominator: values.denominator[i] as number } : numerator;
}

/** Why a value does not fit a metric. */
function misfit(metric: Metric, value: unknown): string | undefined {
  const { kind } = metric;
  const finite = (own: unknown) => typeof own === "number" && Number.isFinite(own);
  if (isComposition(metric)) return `it is of kind ${kind}, which is of all sessions together`;
  if (value === null) return kind === "quantile" ? "a quantile has a list, which may be empty" : undefined;
  if (kind === "proportion") return value === 0 || value === 1 ? undefined : "a proportion is 0 or 1 in a session";
  if (kind === "mean") return finite(value) ? undefined : "a mean has one finite number in a session";
  if (kind === "quantile")
    return Array.isArray(value) && value.every(finite) ? undefined : "a quantile has a list of finite numbers";
  const { numerator, denominator } = (value ?? {}) as Partial<Record<string, unknown>>;
  const fits = finite(numerator) && finite(denominator) && (denominator as number) >= 0;
  return fits ? undefined : "a ratio has { numerator, denominator }, the latter not below 0";
}

function withChanges(control: Values, changes: ReadonlyMap<number, OwnValue>): Values {
  if (changes.size === 0) return control;
  if (control.kind === "requests") {
    const lists = Array.from({ length: control.offsets.length - 1 }, (_, i) =>
      changes.has(i) ? Float64Array.from(changes.get(i) as readonly number[]) : requestsIn(control, i),
    );
    return requestsOf(lists);
  }
  const [numerator, denominator] = [control.numerator.slice(), control.denominator.slice()];
  const missing = control.missing.slice();
  for (const [i, value] of changes) {
    const over = typeof value === "number" ? { numerator: value, denominator: 1 } : value;
    const sum = (over ?? { numerator: 0, denominator: 0 }) as { numerator: number; denominator: number };
    numerator[i] = sum.numerator;
    denominator[i] = sum.denominator;
    missing[i] = value === null ? 1 : 0;
  }
  return { ...control, numerator, denominator, missing };
}
