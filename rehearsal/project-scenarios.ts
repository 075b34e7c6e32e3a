import { allComplaints, didYouMean, type SourceDocument } from "../plan/document.ts";
import { InputError } from "../plan/input-error.ts";
import type { Metric } from "../plan/metric.ts";
import type { Plan } from "../plan/plan.ts";
import type { Conditions } from "../scenarios/conditions.ts";
import type { Course } from "../scenarios/course.ts";
import { scenarioLibrary } from "../scenarios/library.ts";
import { asReplayed, atMargin, type HarmScenario, noChange, type Scenario } from "../scenarios/scenario.ts";
import { loadScenario } from "./load-scenario.ts";
import type { WrittenProject } from "./project-schema.ts";

/** What scenarios are told in, and where they stand. */
interface Words {
  readonly document: SourceDocument;
  readonly metrics: readonly Metric[];
  readonly plan: Plan;
  readonly attributes: readonly string[];
  /** modules are named from here */
  readonly folder: string;
}

type WrittenScenario = WrittenProject["scenarios"][number];
type WrittenHarm = NonNullable<Exclude<WrittenScenario, string>["harms"]>[number];
type Path = readonly PropertyKey[];

/**
 * The scenarios that a project states, beside those of every rehearsal.
 *
 * @throws InputError with every complaint
 */
export async function statedScenarios({ scenarios }: WrittenProject, words: Words): Promise<Scenario[]> {
  const complaints: InputError[] = [];
  const always = alwaysRehearsed(words.plan);
  const found: Scenario[] = [];
  for (const [i, written] of scenarios.entries()) {
    // naming these changes nothing
    if (typeof written === "string" && always.includes(written)) continue;
    const path = ["scenarios", i];
    try {
      const scenario = await scenarioOf(written, path, words);
      requireOwnName(scenario.name, [found.map(({ name }) => name), always], words.document.place(path));
      found.push(scenario);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      complaints.push(error);
    }
  }
  if (complaints.length > 0) throw allComplaints(complaints);
  return found;
}

function alwaysRehearsed({ guardrails }: Plan): string[] {
  return [asReplayed, noChange, ...guardrails.map(atMargin)].map(({ name }) => name);
}

function requireOwnName(name: string, [others, always]: readonly [string[], string[]], place: string): void {
  if (always.includes(name)) throw new InputError(place, `${name} is always rehearsed`, "call yours otherwise");
  if (others.includes(name))
    throw new InputError(place, `there are two scenarios ${name}`, "remove one, or call it otherwise");
}

async function scenarioOf(written: WrittenScenario, path: Path, words: Words): Promise<Scenario> {
  const { document, plan } = words;
  if (typeof written === "string") return entryOf(written, {}, path, words, alwaysRehearsed(plan));
  const { module, ...beside } = written;
  if (module === undefined) return composedScenario(written, path, words);
  const place = document.place([...path, "module"]);
  const [stray] = Object.keys(beside);
  if (stray !== undefined)
    throw new InputError(place, `${stray} stands beside module`, "say it in the module, or remove one of them");
  return { kind: "own", place, ...(await loadScenario(words.folder, module, place)) };
}

function composedScenario(written: Exclude<WrittenScenario, string>, path: Path, words: Words): HarmScenario {
  const { document } = words;
  const { name, story, harms, fades, grows, begins, fromExposure, ...rest } = written;
  const { traffic, late, mixed, spilled, routing, ...entries } = rest;
  if (harms === undefined) {
    const own = { name, story, fades, grows, begins, fromExposure, traffic, late, mixed, spilled, routing };
    const [stray] = Object.keys(own).filter((key) => own[key as keyof typeof own] !== undefined);
    if (stray === undefined) return soleEntry(entries, path, words);
    throw new InputError(
      document.place([...path, stray]),
      `a scenario with ${stray} has no harms`,
      `write { name: my own, harms: [{ completion_drop: { by: 5pp } }]${stray === "name" ? "" : `, ${stray}: …`} }`,
    );
  }
  if (name === undefined)
    throw new InputError(document.place(path), "a list of harms has no name", "write name: my own");
  const [beside] = Object.keys(entries);
  if (beside !== undefined)
    throw new InputError(
      document.place([...path, beside]),
      `${beside} stands beside harms`,
      `write it as one of them: harms: [{ ${beside}: … }]`,
    );
  const course = courseOf({ fades, grows, begins }, document.place(path));
  if ((mixed ?? spilled) !== undefined && (course !== undefined || fromExposure !== undefined))
    throw new InputError(
      document.place(path),
      "harm that reaches the control has a time or an exposure of its own, which is not simulated",
      "write mixed and spilled without fades, grows, begins and fromExposure",
    );
  const parts = harms.flatMap((harm, i) => partOf(harm, [...path, "harms", i], words).harms);
  const conditions: Conditions = {
    ...(traffic === undefined ? {} : { traffic }),
    ...(late === undefined ? {} : { late: { metrics: parts.map(({ metric }) => metric.name), byMs: late } }),
    ...(mixed === undefined ? {} : { contamination: mixed }),
    ...(spilled === undefined ? {} : { spillover: spilled }),
    ...(routing === undefined ? {} : { routing }),
  };
  return {
    kind: "harm",
    name,
    ...(story === undefined ? {} : { story }),
    harms: parts,
    ...(course === undefined ? {} : { course }),
    ...(fromExposure === undefined ? {} : { fromExposure }),
    ...(Object.keys(conditions).length === 0 ? {} : { conditions }),
  };
}

/** One of several harms: when it is there is said of all of them at once. */
function partOf(written: WrittenHarm, path: Path, words: Words): HarmScenario {
  const part = typeof written === "string" ? entryOf(written, {}, path, words) : soleEntry(written, path, words);
  const { course, fromExposure, conditions } = part;
  if (course === undefined && fromExposure === undefined && conditions === undefined) return part;
  const place = words.document.place(path);
  if (conditions !== undefined)
    throw new InputError(
      place,
      `${part.name} is about more than harm, and what it says is said of all harms of a scenario at once`,
      "write metric_shift here, and traffic, late, mixed, spilled or routing beside harms",
    );
  throw new InputError(
    place,
    `${part.name} has a time or an exposure of its own, which all harms of a scenario share`,
    "write metric_shift here, and fades, grows, begins or fromExposure beside harms",
  );
}

function soleEntry(entries: Readonly<Record<string, unknown>>, path: Path, words: Words): HarmScenario {
  const stated = Object.entries(entries).filter(([, parameters]) => parameters !== undefined);
  const [sole] = stated;
  if (!sole || stated.length > 1)
    throw new InputError(
      words.document.place(path),
      "a scenario has one name",
      "write one entry a scenario, or { name: my own, harms: [{ completion_drop: { by: 5pp } }, { cost_rise: {} }] }",
    );
  return entryOf(sole[0], sole[1] as object, [...path, sole[0]], words);
}

/** @param others names that may be meant beside those of the library */
function entryOf(
  name: string,
  parameters: object,
  path: Path,
  { document, metrics, plan, attributes }: Words,
  others: readonly string[] = [],
): HarmScenario {
  const place = document.place(path);
  const entry = scenarioLibrary.find((own) => own.name === name);
  if (!entry) {
    const known = [...others, ...scenarioLibrary.map((own) => own.name)];
    throw new InputError(place, `unknown scenario ${name}`, didYouMean(name, known));
  }
  const project = { place, metrics, primary: plan.primary, attributes };
  if (Object.keys(parameters).length > 0) return entry.build(parameters, project);
  // a name alone was not read by the entry's schema
  const usual = entry.parameters.safeParse({});
  if (usual.success) return entry.build(usual.data, project);
  const needed = usual.error.issues.map(({ path: [key] }) => String(key));
  const written = needed.map((key) => `${key}: ${key === "where" ? "{ workflow: refund }" : "5pp"}`);
  throw new InputError(
    place,
    `${name} has no ${needed.join(" and no ")}`,
    `write { ${name}: { ${written.join(", ")} } }`,
  );
}

function courseOf(
  { fades, grows, begins }: { readonly [Key in "fades" | "grows" | "begins"]: number | undefined },
  place: string,
): Course | undefined {
  const courses: Course[] = [
    ...(fades === undefined ? [] : [{ kind: "fades", halfLifeMs: fades } as const]),
    ...(grows === undefined ? [] : [{ kind: "grows", overMs: grows } as const]),
    ...(begins === undefined ? [] : [{ kind: "begins", afterMs: begins } as const]),
  ];
  if (courses.length < 2) return courses[0];
  throw new InputError(
    place,
    `the scenario ${courses.map(({ kind }) => kind).join(" and ")}`,
    "write one of fades, grows and begins",
  );
}
