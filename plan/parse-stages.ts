import { bucketCount } from "./assignment.ts";
import { didYouMean } from "./document.ts";
import { failureRate } from "./metric.ts";
import {
  type Approval,
  type ControlledStage,
  looksOf,
  type RoutedStage,
  type Segment,
  type Stage,
  type StageMargin,
} from "./plan.ts";
import { type Complain, marginOf, type PlanContext } from "./plan-context.ts";
import type { WrittenDuration, WrittenPlan, WrittenStage } from "./plan-schema.ts";

/** Exact boundaries of more looks than these take seconds and change nothing. */
const mostLooks = 1000;

/** The stages of a plan, with complaints about each. */
export function parseStages(
  plan: WrittenPlan,
  context: PlanContext,
  named: readonly string[],
  complain: Complain,
): Stage[] {
  const names = plan.stages.map(({ name }) => name);
  plan.stages.forEach(({ name }, i) => {
    const first = names.indexOf(name);
    if (first < i) {
      complain(["stages", i, "name"], `stages[${i}] is called ${name}, as stages[${first}] is`, "name each stage once");
    }
    if (i < plan.stages.length - 1 && isFull(plan.stages[i] as WrittenStage)) {
      complain(["stages", i], `stages[${i}] exposes everyone, and stages[${i + 1}] follows`, "put it last");
    }
  });
  return plan.stages.flatMap((stage, i) => new StageParser(plan, context, named, i, complain).parse(stage));
}

function isFull({ exposure, where, header }: WrittenStage): boolean {
  return exposure === 1 && where === undefined && header === undefined;
}

const testKeys = ["minimumSample", "lookEvery", "weight", "onTimeout", "rollbackFloor", "margins"] as const;

class StageParser {
  readonly #plan: WrittenPlan;
  readonly #context: PlanContext;
  readonly #named: readonly string[];
  readonly #index: number;
  readonly #complainAt: Complain;
  readonly #at: string;

  constructor(plan: WrittenPlan, context: PlanContext, named: readonly string[], index: number, complain: Complain) {
    this.#plan = plan;
    this.#context = context;
    this.#named = named;
    this.#index = index;
    this.#complainAt = complain;
    this.#at = `stages[${index}]`;
  }

  parse(stage: WrittenStage): Stage[] {
    if (stage.hotStandby !== undefined && !isFull(stage)) {
      this.#complain("hotStandby", `${this.#at}.hotStandby is set below 100%`, "move it to the 100% stage");
    }
    if (stage.header !== undefined) return this.#routed(stage, { header: stage.header });
    if (stage.exposure === undefined) {
      this.#complain("exposure", `${this.#at}.exposure is missing`, "write the candidate's share of units, as 5%");
      return [];
    }
    if (!this.#rises(stage.exposure, stage) || !this.#fitsBuckets(stage.exposure)) return [];
    if (stage.exposure === 1) return stage.where ? this.#routed(stage, {}) : this.#full(stage);
    return this.#controlled(stage, stage.exposure);
  }

  #complain(key: string, problem: string, wayOut: string): void {
    this.#complainAt(["stages", this.#index, key], problem, wayOut);
  }

  /** Exposures rise among the stages that address the same units. */
  #rises(exposure: number, stage: WrittenStage): boolean {
    const same = ({ where }: WrittenStage) => JSON.stringify(where) === JSON.stringify(stage.where);
    const before = this.#plan.stages.findLastIndex(
      (own, i) => i < this.#index && own.header === undefined && own.exposure !== undefined && same(own),
    );
    const last = this.#plan.stages[before]?.exposure;
    // what follows everyone has a complaint of its own
    if (last === undefined || exposure > last || isFull(this.#plan.stages[before] as WrittenStage)) return true;
    this.#complain(
      "exposure",
      `${this.#at}.exposure is ${percent(exposure)}, must be above stages[${before}].exposure (${percent(last)})`,
      "list stages in rising order",
    );
    return false;
  }

  #fitsBuckets(exposure: number): boolean {
    const buckets = exposure * bucketCount;
    if (Math.abs(buckets - Math.round(buckets)) <= 1e-9 && buckets >= 1) return true;
    const low = Math.max(1, Math.floor(buckets)) / bucketCount;
    const high = Math.max(1, Math.ceil(buckets)) / bucketCount;
    this.#complain(
      "exposure",
      `${this.#at}.exposure is ${percent(exposure)}, which does not fit ${bucketCount} buckets`,
      low === high ? `write ${percent(low)}` : `write ${percent(low)} or ${percent(high)}`,
    );
    return false;
  }

  #full(stage: WrittenStage): Stage[] {
    this.#refuseTests(stage, ["duration", ...testKeys], "exposes everyone", "at 100% no control is left");
    if (stage.approval) {
      this.#complain(
        "approval",
        `${this.#at} exposes everyone and has an approval`,
        "there is no promotion left to approve: move it to the stage before",
      );
    }
    return [{ kind: "full", name: stage.name, hotStandbyMs: stage.hotStandby ?? 0 }];
  }

  #routed(stage: WrittenStage, header: Pick<RoutedStage, "header">): RoutedStage[] {
    const what = header.header === undefined ? "exposes all of a segment" : "is routed by a header";
    this.#refuseTests(stage, testKeys, what, "these units have no control that is like them");
    if (header.header !== undefined && stage.exposure !== undefined) {
      this.#complain(
        "exposure",
        `${this.#at} has a header and an exposure`,
        "remove one: a header takes all who send it",
      );
    }
    const where = this.#segments(stage);
    if (!stage.duration) {
      this.#complain("duration", `${this.#at}.duration is missing`, "write duration: { max: 24h }");
      return [];
    }
    const durationMs = this.#milliseconds(stage.duration.max, "duration");
    if (durationMs === undefined || !where) return [];
    return [{ kind: "routed", name: stage.name, ...header, where, durationMs, ...this.#approval(stage) }];
  }

  #refuseTests(stage: WrittenStage, keys: readonly (keyof WrittenStage)[], what: string, why: string): void {
    for (const key of keys) {
      if (stage[key] === undefined) continue;
      this.#complain(key, `${this.#at} ${what} and has ${withArticle(key)}`, `${why} and nothing is tested: remove it`);
    }
  }

  #controlled(stage: WrittenStage, exposure: number): ControlledStage[] {
    const where = this.#segments(stage);
    const margins = this.#margins(stage);
    if (stage.minimumSample === undefined) {
      this.#complain(
        "minimumSample",
        `${this.#at}.minimumSample is missing`,
        "write the units that each arm needs before a promotion",
      );
    }
    const times = this.#times(stage);
    if (!where || !times || stage.minimumSample === undefined) return [];
    return [
      {
        kind: "controlled",
        name: stage.name,
        exposure: Math.round(exposure * bucketCount) / bucketCount,
        where,
        ...times,
        minimumSample: stage.minimumSample,
        weight: stage.weight ?? 1,
        ...(stage.onTimeout === undefined ? {} : { onTimeout: stage.onTimeout }),
        ...(stage.rollbackFloor === undefined ? {} : { rollbackFloor: stage.rollbackFloor }),
        ...(margins ? { margins } : {}),
        ...this.#approval(stage),
      },
    ];
  }

  #times(stage: WrittenStage): Pick<ControlledStage, "minimumMs" | "maximumMs" | "lookEveryMs"> | undefined {
    if (!stage.duration) {
      this.#complain("duration", `${this.#at}.duration is missing`, "write duration: { min: 6h, max: 48h }");
      return undefined;
    }
    const minimumMs = this.#milliseconds(stage.duration.min ?? { ms: 0 }, "duration");
    const maximumMs = this.#milliseconds(stage.duration.max, "duration");
    const lookEveryMs = stage.lookEvery === undefined ? maximumMs : this.#milliseconds(stage.lookEvery, "lookEvery");
    if (minimumMs === undefined || maximumMs === undefined || lookEveryMs === undefined) return undefined;
    if (maximumMs <= 0 || minimumMs > maximumMs) {
      this.#complain(
        "duration",
        `${this.#at}.duration has ${maximumMs <= 0 ? "a max of zero" : "min above max"}`,
        "write a max of at least min, above 0",
      );
      return undefined;
    }
    if (lookEveryMs <= 0 || lookEveryMs > maximumMs) {
      this.#complain(
        "lookEvery",
        `${this.#at}.lookEvery is longer than the stage or zero`,
        "write a lookEvery above 0 and of at most duration.max",
      );
      return undefined;
    }
    if (looksOf({ maximumMs, lookEveryMs }) > mostLooks) {
      this.#complain(
        "lookEvery",
        `${this.#at} has ${looksOf({ maximumMs, lookEveryMs })} looks`,
        `look at most ${mostLooks} times: a longer lookEvery finds harm as well`,
      );
      return undefined;
    }
    return { minimumMs, maximumMs, lookEveryMs };
  }

  #milliseconds(written: WrittenDuration, key: string): number | undefined {
    if ("ms" in written) return written.ms;
    if (this.#plan.cycle !== undefined) return written.cycles * this.#plan.cycle;
    this.#complain(
      key,
      `${this.#at}.${key} is in cycles, and the plan has no cycle`,
      "write how long one is: cycle: 1d",
    );
    return undefined;
  }

  #segments({ where = {} }: WrittenStage): Segment[] | undefined {
    const { attributes } = this.#context;
    const unknown = Object.keys(where).filter((attribute) => !attributes.includes(attribute));
    for (const attribute of unknown) {
      this.#complainAt(
        ["stages", this.#index, "where", attribute],
        `${this.#at}.where names the unknown attribute ${attribute}`,
        didYouMean(attribute, attributes),
      );
    }
    if (unknown.length > 0) return undefined;
    return Object.entries(where).map(([attribute, value]) => ({ attribute, value: String(value) }));
  }

  #margins({ margins }: WrittenStage): Record<string, StageMargin> | undefined {
    if (!margins) return undefined;
    const found: Record<string, StageMargin> = {};
    for (const [key, value] of Object.entries(margins)) {
      const at = ["stages", this.#index, "margins", key];
      if (!this.#named.includes(key)) {
        this.#complainAt(
          at,
          `${this.#at}.margins names ${key}, which has no margin in the plan`,
          didYouMean(key, this.#named),
        );
        continue;
      }
      const [name] = key.split("@");
      const metric = [...this.#context.metrics, failureRate].find((own) => own.name === name);
      // an unknown metric has its complaint at the plan's margins
      const margin = metric && marginOf(String(value), metric, at, this.#complainAt);
      if (margin) found[key] = { margin, written: String(value) };
    }
    return found;
  }

  #approval({ approval }: WrittenStage): { readonly approval?: Approval } {
    if (!approval) return {};
    const { by, timeout } = approval;
    return { approval: { by, ...(timeout === undefined ? {} : { timeoutMs: timeout }) } };
  }
}

function withArticle(key: string): string {
  if (key.endsWith("s")) return key;
  return `${/^[aeiou]/.test(key) ? "an" : "a"} ${key}`;
}

function percent(value: number): string {
  return `${Number((value * 100).toPrecision(12))}%`;
}
