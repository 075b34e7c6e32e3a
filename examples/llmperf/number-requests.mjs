/**
 * Numbers the requests of llmperf's files: an array of records becomes an object of records keyed by their place in it, so that
 * the n-th request of one provider is the session of the n-th request of the other. The records themselves stay as they are.
 *
 *     node number-requests.mjs logs/raw/*.json
 *
 * reads .json and .json.gz, and writes logs/<provider>_70b.json.gz beside this file.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

const logs = new URL("logs/", import.meta.url);

mkdirSync(logs, { recursive: true });
for (const file of process.argv.slice(2)) {
  const bytes = readFileSync(file);
  const records = JSON.parse((file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
  const numbered = JSON.stringify(Object.fromEntries(records.map((record, number) => [String(number), record])));
  writeFileSync(new URL(`${basename(file).replace(/\.gz$/, "")}.gz`, logs), gzipSync(numbered));
}
