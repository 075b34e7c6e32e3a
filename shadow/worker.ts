import type { Flight } from "../io/isolated-pool.ts";
import { guarded } from "../io/pool.ts";
import { type BatchJob, blameStray, handleJob } from "./handle-job.ts";
import type { IdentifyJob } from "./policy-version.ts";
import { surroundings } from "./surroundings.ts";

const caught = surroundings(blameStray);
const work = guarded((job: (BatchJob | IdentifyJob) & Flight) => handleJob(job, caught));

/** What piscina calls; in a process of its own, what answers its messages. */
export default work;

if (process.send) {
  // who asked is gone: nobody would hear the answers, and calls would go on
  process.on("disconnect", () => process.exit());
  // Ctrl-C is told to every process of a terminal; when to stop is the caller's to say
  process.on("SIGINT", () => {});
  process.on("message", (job) => {
    void work(job as BatchJob & Flight).then((outcome) => process.send?.(outcome));
  });
}
