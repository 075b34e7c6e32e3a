import { replayBench } from "./replay.ts";

const benches: Readonly<Record<string, () => Promise<void>>> = { replay: replayBench };

const [name = "replay"] = process.argv.slice(2);
const bench = benches[name];
if (!bench) {
  console.error(`unknown benchmark ${name}; known are ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
await bench();
