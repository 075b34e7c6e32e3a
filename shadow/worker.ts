import { guarded } from "../io/pool.ts";
import { replayShard } from "./replay-shard.ts";

// what a policy prints is not a result: stdout is for those
for (const level of ["log", "info", "debug"] as const) console[level] = console.error;

// biome-ignore lint/style/noDefaultExport: piscina calls a worker's default export
export default guarded(replayShard);
