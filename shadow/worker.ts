import { guarded } from "../io/pool.ts";
import { InputError } from "../plan/input-error.ts";
import { type IdentifyJob, identifyPolicy } from "./policy-version.ts";
import { replayShard, type ShardJob } from "./replay-shard.ts";

// what a policy prints is not a result: stdout is for those
for (const level of ["log", "info", "debug", "dir", "table"] as const) console[level] = console.error;
process.stdout.write = process.stderr.write.bind(process.stderr);

/** Errors that policies let go outside of `respond`: nobody waits for them, and they would end the thread. */
const stray: unknown[] = [];
process.on("uncaughtException", (error) => stray.push(error));
process.on("unhandledRejection", (error) => stray.push(error));

/** What piscina calls. */
export default guarded(async (job: ShardJob | IdentifyJob) => {
  const result = "identify" in job ? await identifyPolicy(job.identify, job.timeoutMs) : await replayShard(job);
  if (stray.length > 0) {
    const error = stray[0] as { message?: string } | undefined;
    const module = "identify" in job ? job.identify : job.lanes.map((lane) => lane.module).join(" or ");
    throw new InputError(
      module,
      `an error was thrown or rejected where nothing waits for it (${error?.message ?? String(error)})`,
      "await what the policy starts, and catch its errors",
    );
  }
  return result;
});
