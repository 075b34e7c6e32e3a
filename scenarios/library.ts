import type { Entry } from "./entry.ts";
import { abandonment } from "./library/abandonment.ts";
import { completionDrop } from "./library/completion-drop.ts";
import { contamination } from "./library/contamination.ts";
import { costRise } from "./library/cost-rise.ts";
import { delayedTruth } from "./library/delayed-truth.ts";
import { diversityCollapse } from "./library/diversity-collapse.ts";
import { fairnessGap } from "./library/fairness-gap.ts";
import { guardrailOverreach } from "./library/guardrail-overreach.ts";
import { latencyTail } from "./library/latency-tail.ts";
import { loadDependent } from "./library/load-dependent.ts";
import { lowTraffic } from "./library/low-traffic.ts";
import { luckyFirstHour } from "./library/lucky-first-hour.ts";
import { metricShift } from "./library/metric-shift.ts";
import { novelty } from "./library/novelty.ts";
import { powerUserCohort } from "./library/power-user-cohort.ts";
import { refundWorkflowBroken } from "./library/refund-workflow-broken.ts";
import { requestRouting } from "./library/request-routing.ts";
import { reusedSalt } from "./library/reused-salt.ts";
import { segmentBroken } from "./library/segment-broken.ts";
import { slowBurn } from "./library/slow-burn.ts";
import { spillover } from "./library/spillover.ts";
import { tokenBlowup } from "./library/token-blowup.ts";
import { toolErrors } from "./library/tool-errors.ts";

/**
 * The stories that a project can name, from plain losses over broken segments and harm that changes with time and exposure to
 * traffic, truth and routing that are not as planned.
 */
export const scenarioLibrary: readonly Entry[] = [
  completionDrop,
  toolErrors,
  costRise,
  tokenBlowup,
  latencyTail,
  guardrailOverreach,
  abandonment,
  diversityCollapse,
  metricShift,
  segmentBroken,
  fairnessGap,
  refundWorkflowBroken,
  loadDependent,
  novelty,
  slowBurn,
  luckyFirstHour,
  delayedTruth,
  lowTraffic,
  powerUserCohort,
  reusedSalt,
  requestRouting,
  contamination,
  spillover,
];
