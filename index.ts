export {
  type Canary,
  type JudgedLook,
  type JudgedStage,
  type Judgement,
  type JudgeOptions,
  judge,
  judgeLooks,
} from "./analysis/judge.ts";
export { type PowerAnswer, type PowerQuestion, powerAnswer } from "./analysis/power.ts";
export type { SegmentReading } from "./analysis/segment-readings.ts";
export { Interrupted } from "./io/interrupted.ts";
export { checkPlan, notChecked } from "./plan/check-plan.ts";
export { type Decision, decide, type Look, type MetricLook, type Reading } from "./plan/decide.ts";
export { changeInWords, diffPlans, type PlanChange } from "./plan/diff-plans.ts";
export type { Baseline, Finding, NotChecked, PlanFacts, TrafficFacts } from "./plan/finding.ts";
export { InputError } from "./plan/input-error.ts";
export type { Lock, Reference } from "./plan/lock.ts";
export type { Metric } from "./plan/metric.ts";
export { controlledStages, type Guardrail, type Plan, type Stage } from "./plan/plan.ts";
export type { Preset } from "./plan/presets/preset.ts";
export { presets } from "./plan/presets.ts";
export type { ArmReading, Arms } from "./plan/reading.ts";
export { type PlanReview, type ReviewedStage, reviewPlan, type Threshold } from "./plan/review-plan.ts";
export { checkProject, type PlacedFinding, type PlanCheck } from "./rehearsal/check-project.ts";
export { type Exported, type ExportSpec, exportTable, findRun, observations, outcomes } from "./rehearsal/export.ts";
export {
  type FrozenPlan,
  freezePlan,
  type PastSalt,
  pastSaltsOf,
  type Verification,
  verifyPlan,
} from "./rehearsal/freeze.ts";
export { type KnownTraffic, type NewProject, newProject, type ProjectFile } from "./rehearsal/init-project.ts";
export { type CanaryJudgement, type JudgeCanaryOptions, judgeCanary } from "./rehearsal/judge-canary.ts";
export { planFacts } from "./rehearsal/plan-facts.ts";
export { loadProject, type Project, planOfFile } from "./rehearsal/project.ts";
export { projectSchema } from "./rehearsal/project-schema.ts";
export {
  type CompareResult,
  compareLanes,
  type Rehearsed,
  type ReplayResult,
  rehearse,
  replayTraffic,
  type SimulateResult,
  simulatePlan,
} from "./rehearsal/rehearse.ts";
export type { Progress } from "./rehearsal/replay-project.ts";
export type { RunOptions } from "./rehearsal/run.ts";
export type { SimulationOptions } from "./rehearsal/simulate-outcomes.ts";
export { type Trace, traceSimulation } from "./rehearsal/trace-simulation.ts";
export { htmlReport } from "./reports/html.ts";
export { markdownReport } from "./reports/markdown.ts";
export { type Result, resultSchema } from "./reports/result.ts";
export { trafficSection } from "./reports/traffic-section.ts";
export type { Harm } from "./scenarios/harm.ts";
export { scenarioLibrary } from "./scenarios/library.ts";
export { defineScenario, type OwnScenario, type OwnSession, type OwnValue } from "./scenarios/own-scenario.ts";
export type { HarmScenario, ModuleScenario, Scenario } from "./scenarios/scenario.ts";
export { type SupportTrafficOptions, supportAgentTraffic } from "./scenarios/support-agent.ts";
export { type InspectOptions, inspectTraffic, type TrafficInspection } from "./shadow/inspect/traffic.ts";
export type { TrafficWarning } from "./shadow/inspect/warning.ts";
export {
  type Answer,
  type Context,
  type Conversation,
  definePolicy,
  type Measure,
  type Policy,
  type Session,
} from "./shadow/policy.ts";
