import { guarded } from "../io/pool.ts";
import { simulateSalts } from "./simulate.ts";

// biome-ignore lint/style/noDefaultExport: piscina calls a worker's default export
export default guarded(simulateSalts);
