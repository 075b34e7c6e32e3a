import { guarded } from "../io/pool.ts";
import { simulateSalts } from "./simulate.ts";

/** What piscina calls. */
export default guarded(simulateSalts);
