import { createWriteStream, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { InputError, supportAgentTraffic } from "../index.ts";
import { diskProblem, publishFile, temporaryName } from "../io/run-folder.ts";
import { print } from "./common.ts";

/** Writes generated traffic as JSON lines; the file is there whole or not at all. */
export async function generateCommand(
  file: string,
  {
    seed,
    sessions,
    days,
    json,
  }: { readonly seed: string; readonly sessions: number; readonly days: number; readonly json?: boolean },
): Promise<number> {
  if (file === "" || (existsSync(file) && !statSync(file).isFile())) {
    throw new InputError(
      file || "FILE",
      "is not a file that can be written",
      "name a new file, as logs/requests.jsonl",
    );
  }
  mkdirSync(dirname(file), { recursive: true });
  let requests = 0;
  function* lines() {
    let batch = "";
    for (const request of supportAgentTraffic({ seed, sessions, days })) {
      requests += 1;
      batch += `${JSON.stringify(request)}\n`;
      if (batch.length < 1 << 18) continue;
      yield batch;
      batch = "";
    }
    yield batch;
  }
  const temporary = temporaryName(file);
  try {
    await pipeline(Readable.from(lines()), createWriteStream(temporary));
    publishFile(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskProblem(error, file) ?? error;
  }
  const summary = { file, seed, sessions, days, requests };
  print(
    json
      ? JSON.stringify(summary, null, 2)
      : `${file}: ${requests} requests in ${sessions} sessions over ${days} days, seed ${seed}`,
  );
  return 0;
}
