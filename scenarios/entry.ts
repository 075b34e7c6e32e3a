import { z } from "zod";
import { didYouMean } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import { type Margin, parseMargin } from "../plan/margin.ts";
import { isComposition, type Metric } from "../plan/metric.ts";
import type { Segment } from "../plan/plan.ts";
import { duration } from "../plan/plan-schema.ts";
import type { Fit } from "./fitting-metric.ts";
import { type Harm, reversed } from "./harm.ts";
import type { HarmScenario } from "./scenario.ts";

/** An entry of the scenario library: a story, what can be written of it, and the harm that it becomes in a project. */
export interface Entry {
  readonly name: string;
  /** one sentence, true whatever the parameters are */
  readonly story: string;
  readonly parameters: z.ZodObject;
  /**
   * @param written as `parameters` read it
   * @throws InputError when it does not fit the project
   */
  readonly build: (written: object, project: Setting) => HarmScenario;
}

/** The project's words that an entry is written in. */
export interface Setting {
  /** `file:line` of the entry */
  readonly place: string;
  readonly metrics: readonly Metric[];
  /** name of the primary metric */
  readonly primary: string;
  readonly attributes: readonly string[];
}

/** What an entry becomes. */
interface Built extends Pick<HarmScenario, "harms" | "course" | "fromExposure" | "conditions"> {
  /** what tells this use of the entry from others: metric, size, its own parameters */
  readonly told: readonly string[];
}

/** An entry of the library from its parts. */
export function entry<const Parameters extends z.core.$ZodLooseShape>({
  name,
  story,
  parameters,
  build,
}: {
  readonly name: string;
  readonly story: string;
  readonly parameters: Parameters;
  readonly build: (written: Written<Parameters>, project: NamedSetting) => Built;
}): Entry {
  return {
    name,
    story,
    parameters: z.strictObject(parameters).meta({ id: name, description: story }),
    build: (written, project) => {
      const { told, ...built } = build(written as Written<Parameters>, { ...project, entry: name });
      return { kind: "harm", name: [name, ...told].join(":"), story, ...built };
    },
  };
}

type Written<Parameters extends z.core.$ZodLooseShape> = z.output<z.ZodObject<Parameters, z.core.$strict>>;

/** A setting that knows whose it is. */
export interface NamedSetting extends Setting {
  readonly entry: string;
}

const text = z.string('write a text (numbers in quotes: "2.10")').min(1, "write a text that is not empty");

/** Which metric is harmed. */
export const metric = text.optional();

/** How much, as a margin is written. */
export const size = z.union([text, z.number()], "write the size of the harm, as 5pp, 20% or 200 ms");

/** Whom it reaches: attributes and their values, all at once. */
export const segment = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
export const where = segment.optional();

/** A time above 0. */
export const time = duration.refine((ms) => ms > 0, "write a duration above 0");

interface WrittenHarm {
  readonly metric?: string | undefined;
  readonly by?: string | number | undefined;
  readonly where?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/**
 * The harm that is written, in the metric that it names or, when it names none, the one that fits.
 *
 * @param meant which metric it is when none is named; `primary` for the plan's
 */
export function oneHarm(
  { metric: named, by, where = {} }: WrittenHarm,
  setting: NamedSetting,
  meant: Fit | "primary" | "none",
  effect?: Harm["effect"],
): { readonly told: readonly string[]; readonly harms: readonly [Harm] } {
  const metric = metricOf(named, setting, meant);
  const written = by ?? usualSize(metric);
  const size = sizeOf(written, metric, setting, effect);
  const segments = segmentsOf(where, setting);
  if (isComposition(metric) && (segments.length > 0 || effect !== undefined)) {
    const kind = `${metric.kind === "entropy" ? "an" : "a"} ${metric.kind}`;
    const [problem, wayOut] =
      segments.length > 0
        ? [`harms ${kind} in a segment`, "harm it over all sessions: remove where"]
        : [`improves ${kind}`, "write another metric"];
    throw new InputError(setting.place, `${setting.entry} ${problem}, which is not simulated`, wayOut);
  }
  const inSegment = segments.map(({ attribute, value }) => `@${attribute}=${value}`).join("");
  return {
    told: [`${metric.name}${inSegment}`, String(written)],
    harms: [{ metric, size, where: segments, ...(effect === undefined ? {} : { effect }) }],
  };
}

/** The harm that is written, in the plan's primary metric unless another is named; none where nothing is written of it. */
export function anyHarm(
  written: WrittenHarm,
  setting: NamedSetting,
): { readonly told: readonly string[]; readonly harms: readonly Harm[] } {
  const { metric, by, where } = written;
  if (metric === undefined && by === undefined && where === undefined) return { told: [], harms: [] };
  return oneHarm(written, setting, "primary");
}

/** A share as told in a name: .25 → `25%`. */
export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(6))}%`;
}

function metricOf(name: string | undefined, setting: NamedSetting, meant: Fit | "primary" | "none"): Metric {
  const { metrics, place, primary, entry } = setting;
  if (name !== undefined || meant === "primary") {
    const wanted = name ?? primary;
    const found = metrics.find((own) => own.name === wanted);
    if (found) return found;
    const known = metrics.map((own) => own.name);
    throw new InputError(place, `unknown metric ${wanted}`, didYouMean(wanted, known));
  }
  if (meant === "none") throw new InputError(place, `${entry} names no metric`, `write metric: ${primary}`);
  const fitting = metrics.filter(meant.fits);
  const [found] = fitting;
  if (found && fitting.length === 1) return found;
  if (!found) {
    const known = metrics.map((own) => own.name).join(", ");
    throw new InputError(
      place,
      `${entry} names no metric, and none of the project is ${meant.inWords}`,
      `write metric: ${primary}, or another of ${known}`,
    );
  }
  const candidates = fitting.map((own) => own.name);
  throw new InputError(
    place,
    `${entry} names no metric, and ${candidates.join(" and ")} are each ${meant.inWords}`,
    `write ${candidates.map((own) => `metric: ${own}`).join(" or ")}`,
  );
}

/** 5 points of what is counted in sessions, a fifth of everything else. */
function usualSize({ kind }: Metric): string {
  return kind === "proportion" || kind === "distinct-share" ? "5pp" : "20%";
}

/** A size of harm, or of a gain, as written. */
export function sizeOf(written: string | number, metric: Metric, { place }: Setting, effect?: Harm["effect"]): Margin {
  const size = parseMargin(String(written), effect === undefined ? metric : reversed(metric));
  if (!("problem" in size)) return size;
  throw new InputError(place, size.problem.replace(/^margin/, "size"), size.wayOut);
}

function segmentsOf(
  where: Readonly<Record<string, string | number | boolean>>,
  { attributes, place }: Setting,
): Segment[] {
  return Object.entries(where).map(([attribute, value]) => {
    if (attributes.includes(attribute)) return { attribute, value: String(value) };
    throw new InputError(place, `unknown attribute ${attribute}`, didYouMean(attribute, attributes));
  });
}
