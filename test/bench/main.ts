import { replayBench } from "./replay.ts";
import { sequentialBench } from "./sequential.ts";
import { simulateBench } from "./simulate.ts";

const benches: Readonly<Record<string, () => Promise<void>>> = {
  replay: replayBench,
  sequential: sequentialBench,
  simulate: simulateBench,
};

const [name = "replay"] = process.argv.slice(2);
const bench = benches[name];
if (!bench) {
  console.error(`unknown benchmark ${name}; known are ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
await bench();
