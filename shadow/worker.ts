import { guarded } from "../io/pool.ts";
import { replayShard } from "./replay-shard.ts";

// biome-ignore lint/style/noDefaultExport: piscina calls a worker's default export
export default guarded(replayShard);
