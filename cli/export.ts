import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type ExportSpec, exportTable, findRun } from "../index.ts";
import { count } from "../reports/format.ts";
import { oneLine, print } from "./common.ts";

export interface ExportOptions {
  readonly table: ExportSpec["table"];
  readonly lane?: string;
  /** the file */
  readonly to: string;
  /** id of the run, the newest one unless given */
  readonly run?: string;
  /** where runs are kept, instead of beside the project's file */
  readonly out?: string;
  readonly json?: boolean;
}

/** Writes a table of a run into a file for other tools. */
export async function exportCommand(project: string, options: ExportOptions): Promise<number> {
  const { table, lane, to, run, out, json } = options;
  const isFile = existsSync(project) && statSync(project).isFile();
  const folder = findRun(out ?? (isFile ? dirname(project) : project), run);
  const exported = await exportTable({ folder, table, lane, file: to });
  if (json) {
    print(JSON.stringify(exported, null, 2));
    return 0;
  }
  const of = exported.lanes.length === 0 ? "" : ` of ${exported.lanes.join(", ")}`;
  print(oneLine(`${exported.file}: ${count(exported.rows)} rows, ${table}${of} in run ${exported.run}`));
  for (const note of exported.notes) print(note);
  return 0;
}
