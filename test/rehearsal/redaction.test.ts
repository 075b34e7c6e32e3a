import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { type Database, SqlError } from "../../io/duckdb.ts";
import { sql } from "../../io/sql.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { replayTraffic } from "../../rehearsal/rehearse.ts";
import type { Imported } from "../../rehearsal/replay-project.ts";
import type { Result } from "../../reports/result.ts";
import { openDatabase } from "../support/database.ts";
import { temporaryFolder } from "../support/folders.ts";
import { jsonLines } from "../support/import-log.ts";
import { projectFolder, requests, runOptions } from "../support/project-folder.ts";
import { cli, foretaste } from "../support/run-cli.ts";

const kinds = ["email", "phone", "card", "key", "path", "customer"] as const;
type Kind = (typeof kinds)[number];

/** A secret that was put into a log; its trace is in every spelling of it, and in nothing else. */
interface Plant {
  readonly kind: Kind;
  readonly trace: string;
}

/** Makes secrets, a new one each time, and remembers them. */
class Planter {
  readonly plants: Plant[] = [];

  email = () =>
    this.#plant(
      "email",
      (n) => `planted.mail.${n}`,
      (trace) => `${trace}@example.com`,
    );
  phone = () =>
    this.#plant(
      "phone",
      (n) => `555-${n}`,
      (trace) => `+1 (415) ${trace}`,
    );
  card = () => this.#plant("card", (n) => withCheckDigit(`41110000000${n}`));
  /** Put together, so that no scanner takes this file for a leak. */
  key = () =>
    this.#plant(
      "key",
      (n) => `Planted${n}x9Fq2LmZ7tRb`,
      (trace) => ["sk", "live", trace].join("_"),
    );
  words = () => this.#plant("path", (n) => `words that are planted ${n}`);
  customer = () => this.#plant("customer", (n) => `CUST-${n}`);

  #plant(kind: Kind, traceOf: (n: string) => string, write = (trace: string) => trace): string {
    const trace = traceOf(String(this.plants.length).padStart(4, "0"));
    this.plants.push({ kind, trace });
    return write(trace);
  }
}

/** Source: ISO/IEC 7812-1, annex B. */
function withCheckDigit(digits: string): string {
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const own = i % 2 === 0 ? 2 * Number(digit) : Number(digit);
    return total + (own > 9 ? own - 9 : own);
  }, 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

const sessions = 24;

interface Planted {
  readonly records: readonly Record<string, unknown>[];
  /** read, but not used: a time that is none, a number that is none */
  readonly unusable: readonly Record<string, unknown>[];
  readonly labels: readonly Record<string, unknown>[];
  /** a text that is no record, another each time */
  readonly broken: () => string;
}

/** Sessions of `perSession` requests with secrets in every column; a label for each session. */
function plantedLog({ plants, ...make }: Planter, perSession: number): Planted {
  void plants;
  const tiers = [make.email(), make.customer()];
  const record = (i: number, k: number, session: string, user: string): Record<string, unknown> => ({
    session,
    user,
    at: new Date(Date.UTC(2026, 0, 5) + i * 3_600_000 + k * 60_000).toISOString(),
    input: {
      text: `Write to ${make.email()} or call ${make.phone()}; my card is ${make.card()}.`,
      password: make.key(),
      quoted: JSON.stringify({ contact: make.email(), list: [`${make.phone()} (home)`] }),
      note: make.words(),
      customer: make.customer(),
    },
    answer: { said: `The key is ${make.key()}`, url: `https://example.com/?to=${make.email().replace("@", "%40")}` },
    tools: [{ name: "lookup", arguments: { of: i }, result: { card: Number(make.card()), mail: make.email() } }],
    tier: tiers[i % 2],
    cost: i + k / 2,
    done: i > 3,
    failed: i < 2,
    why: `no answer for ${make.email()}`,
  });
  const names = Array.from({ length: sessions }, () => ({ session: make.email(), user: make.phone() }));
  return {
    records: names.flatMap(({ session, user }, i) =>
      Array.from({ length: perSession }, (_, k) => record(i, k, session, user)),
    ),
    unusable: [
      { ...record(0, 0, make.email(), make.phone()), at: `on Monday, said ${make.email()}` },
      { ...record(1, 0, make.email(), make.phone()), at: make.card() },
      { ...record(2, 0, make.email(), make.phone()), cost: `${make.phone()} USD` },
    ],
    labels: names.map(({ session }, i) => ({
      id: session,
      seen: new Date(Date.UTC(2026, 0, 6) + i * 3_600_000).toISOString(),
      resolved: i % 3 > 0,
      by: `rated by ${make.email()}`,
    })),
    broken: () => `Hello ${make.email()}, ${make.phone()}, ${make.card()}`,
  };
}

/** How a log is written in one format. */
interface LogFormat {
  readonly file: string;
  readonly perSession?: number;
  readonly columns?: object;
  readonly write: (file: string, planted: Planted) => Written | Promise<Written>;
}

/** What a file has beside its records. */
interface Written {
  /** values that are no records, but JSON */
  readonly values: readonly string[];
  /** how many other texts there are */
  readonly damaged: number;
  /** what no run keeps: text that is not UTF-8, unusable rows of a columnar file */
  readonly lost?: string;
}

const rowsOf = ({ records, unusable }: Planted) => [...records, ...unusable];

const formats: Readonly<Record<string, LogFormat>> = {
  "JSON lines": {
    file: "log.jsonl",
    write: (file, planted) => {
      const value = planted.broken();
      const cut = JSON.stringify({ session: "s", input: planted.broken() }).slice(0, -2);
      const lost = planted.broken();
      const lines = [JSON.stringify(value), cut, `{"input": NaN, "of": "${planted.broken()}"}`];
      const text = jsonLines(rowsOf(planted)) + lines.map((line) => `${line}\n`).join("");
      const latin1 = Buffer.from(`{"session": "caf\u00e9", "of": "${lost}"}\n`, "latin1");
      writeFileSync(file, Buffer.concat([Buffer.from(text), latin1]));
      return { values: [value], damaged: 3, lost };
    },
  },
  CSV: {
    file: "log.csv",
    columns: { tools: { sql: "cast(tools as json)" } },
    write: (file, planted) => {
      const rows = rowsOf(planted);
      const names = Object.keys(rows[0] as object);
      const cell = (value: unknown) => {
        const text = typeof value === "object" ? JSON.stringify(value) : String(value);
        return `"${text.replaceAll('"', '""')}"`;
      };
      const lines = rows.map((row) => names.map((column) => cell(row[column])).join(","));
      const broken = [`too,few,${planted.broken()}`, `"${planted.broken()}" and more,x`];
      writeFileSync(file, `${[names.join(","), ...lines, ...broken].join("\n")}\n`);
      return { values: [], damaged: 2 };
    },
  },
  "a JSON array": {
    file: "log.json",
    write: (file, planted) => {
      const values = [planted.broken(), planted.broken()] as const;
      writeFileSync(file, JSON.stringify([...rowsOf(planted), values[0], [values[1]]], null, 1));
      return { values, damaged: 0 };
    },
  },
  "JSON keyed by session": {
    file: "log.json",
    perSession: 1,
    columns: { session: "key" },
    write: (file, planted) => {
      const value = planted.broken();
      const entries = rowsOf(planted).map(({ session, ...rest }) => [session, rest]);
      writeFileSync(file, JSON.stringify(Object.fromEntries([...entries, ["no record", value]])));
      return { values: [value], damaged: 0 };
    },
  },
  Parquet: {
    file: "log.parquet",
    write: async (file, planted) => {
      const lines = `${file}.jsonl`;
      // a time and a cost that are texts in some rows are texts in all
      writeFileSync(lines, jsonLines(rowsOf(planted).map((row) => ({ ...row, cost: String(row.cost) }))));
      const database = await openDatabase();
      await database.run(sql`copy (select * from read_json(${lines})) to ${file} (format parquet)`);
      return { values: [], damaged: 0, lost: JSON.stringify(planted.unusable) };
    },
  },
  Arrow: {
    file: "log.arrow",
    columns: { tools: { sql: "cast(tools as json)" } },
    write: (file, planted) => {
      const rows = rowsOf(planted);
      const text = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));
      const columns = Object.keys(rows[0] as object).map((name) => [
        name,
        arrow.vectorFromArray(
          rows.map((row) => text(row[name])),
          new arrow.Utf8(),
        ),
      ]);
      writeFileSync(file, arrow.tableToIPC(new arrow.Table(Object.fromEntries(columns)), "file"));
      return { values: [], damaged: 0, lost: JSON.stringify(planted.unusable) };
    },
  },
};

/** It answers, measures, prints and throws everything that it is told. */
const tellTale = (version: string, more = "") => `
export default {
  name: "tell-tale", version: "${version}", ${more}
  open: (session, context) => ({
    respond: async (request) => {
      const hour = Math.floor(context.at / 3600000) % 24;
      const tool = context.tool("lookup", { of: hour });
      const all = { version: ${version}, of: session, request, recorded: context.recorded, tool };
      console.log(all);
      process.stderr.write(JSON.stringify(all));
      if (hour < ${version}) throw new Error("cannot answer " + JSON.stringify(all));
      return { response: all, measures: { completed: true, cost: 1, said: JSON.stringify(all) } };
    },
  }),
};
`;

const rules = {
  kinds: ["email", "phone", "card", "key"],
  paths: ["$.input.note"],
  patterns: { customer: "CUST-\\d{4}" },
};

/** A project whose log, labels and policies are full of secrets. */
async function tellTaleProject(format: LogFormat, { redact = true, quarantineLimit = "50%", maxCalls = 1000 } = {}) {
  const folder = temporaryFolder();
  const planter = new Planter();
  const planted = plantedLog(planter, format.perSession ?? 2);
  const file = join(folder, "logs", format.file);
  mkdirSync(dirname(file));
  const written = await format.write(file, planted);
  const labels = `${jsonLines(planted.labels)}{"id": "${planted.broken()}\n`;
  writeFileSync(join(folder, "logs", "labels.jsonl"), labels);
  writeFileSync(join(folder, "control.mjs"), tellTale("1"));
  writeFileSync(join(folder, "candidate.mjs"), tellTale("2", "network: true,"));
  const project = {
    name: "secrets",
    traffic: {
      source: `logs/${format.file}`,
      columns: {
        session: "session",
        user: "user",
        at: "at",
        request: "input",
        response: "answer",
        tools: "tools",
        ...format.columns,
      },
      attributes: ["tier"],
      quarantineLimit,
      labels: {
        source: "logs/labels.jsonl",
        key: "id",
        at: "seen",
        values: { resolved: "resolved", rated_by: "by" },
      },
      ...(redact ? { redact: rules } : {}),
    },
    recorded: {
      failed: { sql: "cast(failed as boolean)" },
      error: "why",
      measures: { completed: { sql: "cast(done as boolean)" }, cost: { sql: "cast(cost as double)" }, said: "why" },
    },
    control: { module: "control.mjs" },
    candidate: { module: "candidate.mjs" },
    replay: { lanes: ["recorded", "control", "candidate"], responses: "store", maxCalls },
    metrics: {
      completion: { kind: "proportion", value: "bool_or(completed)", better: "higher" },
      resolved: { kind: "proportion", value: "bool_or(resolved)", better: "higher", matureAfter: "labels" },
    },
    plan: "plan.yaml",
  };
  const plan = {
    salt: "test",
    assignBy: "user",
    primary: "completion",
    margins: { completion: "5pp" },
    stages: [{ name: "half", exposure: "50%", duration: { max: "4h" }, minimumSample: 1 }],
    rule: { evidence: "fixed" },
  };
  writeFileSync(join(folder, "foretaste.yaml"), JSON.stringify(project, null, 1));
  writeFileSync(join(folder, "plan.yaml"), JSON.stringify(plan, null, 1));
  return { folder, planted, plants: planter.plants, written };
}

/** What every file below a folder says, as its bytes are and, for Parquet, as its rows are. */
async function toldBy(folder: string): Promise<ReadonlyMap<string, string>> {
  const database = await openDatabase();
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    statSync(join(folder, file)).isFile(),
  );
  const told = new Map<string, string>();
  for (const file of files) {
    const path = join(folder, file);
    const rows = /\.parquet(\.tmp)?$/.test(file) ? await rowsIn(database, path) : "";
    told.set(file, [file, readFileSync(path, "latin1"), rows].join("\n"));
  }
  return told;
}

/** The rows of a Parquet file as JSON; none of one that was not written to its end. */
async function rowsIn(database: Database, file: string): Promise<string> {
  try {
    const rows = await database.rows<{ row: string }>(sql`
      select cast(to_json(own) as varchar) as row from read_parquet(${file}) as own`);
    return rows.map(({ row }) => row).join("\n");
  } catch (error) {
    if (error instanceof SqlError && file.endsWith(".tmp")) return "";
    throw error;
  }
}

const found = (told: ReadonlyMap<string, string>, plants: readonly Plant[]) =>
  [...told].flatMap(([file, text]) =>
    plants.flatMap(({ kind, trace }) => (text.includes(trace) ? [`${file}: ${kind} ${trace}`] : [])),
  );

const runs = (project: string) => join(project, ".foretaste", "runs");
const newest = (project: string) => join(runs(project), readdirSync(runs(project)).sort().at(-1) ?? "none yet");

describe.each(Object.entries(formats))("secrets in %s", (_, format) => {
  it("are in no file of the run and not in what is printed; counts are right and sessions still join", async () => {
    const { folder, planted, plants, written } = await tellTaleProject(format);
    const { stdout, stderr, code } = await foretaste(["rehearse", folder, "--replicates", "50", "--threads", "2"]);
    expect(stderr).not.toMatch(/internal error/);
    expect([0, 10, 11, 12]).toContain(code);
    const told = await toldBy(join(folder, ".foretaste"));
    for (const file of ["result.json", "report.html", "import.json", "printed.txt", "quarantine.parquet"])
      expect([...told.keys()].some((own) => own.endsWith(file))).toBe(true);
    for (const part of ["responses/control", "differences", "calls/candidate", "observations/recorded"])
      expect([...told.keys()].some((own) => own.includes(`${part}/`))).toBe(true);
    expect(found(told, plants)).toEqual([]);
    expect(
      found(
        new Map([
          ["stdout", stdout],
          ["stderr", stderr],
        ]),
        plants,
      ),
    ).toEqual([]);

    const readable = JSON.stringify([...rowsOf(planted), ...planted.labels, ...written.values]);
    const counted = (kind: Kind) =>
      plants
        .filter((plant) => plant.kind === kind)
        .reduce((sum, { trace }) => sum + readable.split(trace).length - 1, 0);
    const imported = JSON.parse(readFileSync(join(newest(folder), "import.json"), "utf8")) as Imported;
    expect(imported.redacted).toEqual(Object.fromEntries(kinds.map((kind) => [kind, counted(kind)])));
    const result = JSON.parse(readFileSync(join(newest(folder), "result.json"), "utf8")) as Result;
    const broken = written.values.length + written.damaged;
    expect(result.traffic.imports[0]).toMatchObject({
      records: rowsOf(planted).length + broken,
      kept: planted.records.length,
      quarantined: planted.unusable.length + broken,
    });
    expect(result.traffic).toMatchObject({ sessions, units: sessions, requests: planted.records.length });
    expect(result.traffic.unmatched).toEqual({ control: 0, candidate: 0 });
    expect(imported.labels).toMatchObject({ labelledRequests: planted.records.length, unused: 0 });
    expect(new Set(result.comparison.segments.map(({ value }) => value.replace(/:.*/, "")))).toEqual(
      new Set(["[email", "[customer"]),
    );
  });

  it("are all there when nothing is redacted", async () => {
    const { folder, plants, written } = await tellTaleProject(format, { redact: false });
    const { code } = await foretaste(["rehearse", folder, "--replicates", "50", "--threads", "2"]);
    expect([0, 10, 11, 12]).toContain(code);
    const told = await toldBy(join(folder, ".foretaste"));
    const kept = found(told, plants).join("\n");
    const missing = plants.filter(({ trace }) => !kept.includes(trace));
    expect(missing.filter(({ trace }) => !written.lost?.includes(trace))).toEqual([]);
  });

  it("are not quoted when the log is refused for them", async () => {
    const { folder, plants } = await tellTaleProject(format, { quarantineLimit: "0%" });
    const { stdout, stderr, code } = await foretaste(["rehearse", folder, "--debug"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/log\.\w+:\d+: .* cannot be used, more than the accepted 0%/);
    const told = new Map([...(await toldBy(join(folder, ".foretaste"))), ["stdout", stdout], ["stderr", stderr]]);
    expect(found(told, plants)).toEqual([]);
  });
});

describe("secrets in a run that is killed", () => {
  const lines: LogFormat = {
    ...(formats["JSON lines"] as LogFormat),
    write: (file, planted) => {
      // long enough to be killed in the middle of it
      const text = jsonLines(planted.records).repeat(80) + jsonLines(planted.unusable);
      writeFileSync(file, `${text}{"cut": "${planted.broken()}\n`);
      return { values: [], damaged: 1 };
    },
  };

  it.each<[string, (run: string) => boolean]>([
    ["while its log is read", (run) => existsSync(join(run, "manifest.json"))],
    ["when its log has been read", (run) => existsSync(join(run, "sessions.parquet"))],
    [
      "while it is replayed",
      (run) => existsSync(join(run, "calls")) || existsSync(join(run, "observations", "candidate")),
    ],
  ])("%s are in no file that is left, nothing is spilled, and the run goes on", async (_, reached) => {
    const { folder, planted, plants } = await tellTaleProject(lines, { maxCalls: 100_000 });
    const args = ["rehearse", folder, "--replicates", "50", "--threads", "2"];
    const child = spawn(process.execPath, [cli, ...args], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (!existsSync(runs(folder)) || !reached(newest(folder)))
      await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 150));
    child.kill("SIGKILL");
    expect(await ended).toBe(null);
    const run = newest(folder);
    expect(existsSync(join(run, "result.json"))).toBe(false);
    expect(found(await toldBy(join(folder, ".foretaste")), plants)).toEqual([]);
    expect(existsSync(join(run, "spill")) ? readdirSync(join(run, "spill")) : []).toEqual([]);

    const { code, stderr } = await foretaste([...args, "--resume"]);
    expect([0, 10, 11, 12], stderr).toContain(code);
    expect(newest(folder)).toBe(run);
    const result = JSON.parse(readFileSync(join(run, "result.json"), "utf8")) as Result;
    expect(result.traffic).toMatchObject({ sessions, units: sessions, requests: 80 * planted.records.length });
    expect(found(await toldBy(join(folder, ".foretaste")), plants)).toEqual([]);
  });
});

describe("a log that cannot be read", () => {
  const refused = async (file: string, write: (make: Planter) => string) => {
    const planter = new Planter();
    const folder = projectFolder({
      files: { [file]: write(planter) },
      project: {
        traffic: { source: file, columns: { session: "session", at: "at", request: "input" }, redact: rules },
      },
    });
    const { stdout, stderr, code } = await foretaste(["replay", folder]);
    expect(code).toBe(2);
    const told = new Map([...(await toldBy(join(folder, ".foretaste"))), ["stdout", stdout], ["stderr", stderr]]);
    expect(found(told, planter.plants)).toEqual([]);
    return stderr;
  };

  it.each<[string, string, (make: Planter) => string, RegExp]>([
    [
      "a JSON document with a slip",
      "log.json",
      (make) => `[{"session": ${make.email()}, "input": "${make.phone()}"}]`,
      /log\.json: is not valid JSON.*; /,
    ],
    ["a text that is no JSON at all", "log.json", (make) => make.email(), /log\.json: is not valid JSON.*; /],
    [
      "JSON lines of another kind",
      "log.jsonl",
      (make) => [make.email(), make.phone(), make.key()].join("\n"),
      /log\.jsonl:1: no record of the file can be read; the first is not valid JSON; /,
    ],
    [
      "CSV without a header",
      "log.csv",
      (make) => [0, 1, 2].map(() => [make.email(), make.phone(), make.customer()].join(",")).join("\n"),
      /foretaste\.yaml:\d+: column session is not in .*log\.csv; /,
    ],
    [
      "CSV without a header whose first fields are equal",
      "log.csv",
      (make) => [make.email()].flatMap((own) => [own, own]).join(","),
      /log\.csv:1: the header has two columns called \[email:[\da-f]{12}\]; /,
    ],
  ])("is not quoted in its refusal: %s", async (_, file, write, message) => {
    expect(await refused(file, write)).toMatch(message);
  });
});

describe("a secret in the name of a folder", () => {
  it.each(["JSON lines", "Parquet"])("is redacted as the column that it states, as in records: %s", async (name) => {
    const make = new Planter();
    const user = make.email();
    const logs = requests(8).map((request) => ({ ...request, input: `for ${user}` }));
    const file = `logs/user=${user}/log.${name === "Parquet" ? "parquet" : "jsonl"}`;
    const folder = projectFolder({
      project: {
        traffic: {
          source: "logs/*/*",
          columns: { session: "session", at: "at", request: "input" },
          attributes: { account: "user" },
          redact: rules,
        },
      },
      files: { [file]: "", "rows.jsonl": jsonLines(logs.map(({ user: _, ...request }) => request)) },
    });
    const database = await openDatabase();
    const [from, to] = [join(folder, "rows.jsonl"), join(folder, file)];
    if (name === "Parquet") await database.run(sql`copy (select * from read_json(${from})) to ${to} (format parquet)`);
    else writeFileSync(to, readFileSync(from));
    const { folder: run } = await replayTraffic(await loadProject(folder), runOptions());
    const told = await toldBy(run);
    const rows = [...told].filter(([own]) => own.endsWith(".parquet"));
    expect(found(new Map(rows), make.plants)).toEqual([]);
    const [token] = /\[email:[\da-f]{12}\]/.exec(told.get("sessions.parquet") ?? "") ?? [];
    expect(told.get("sessions.parquet")).toContain(`"account":"${token}"`);
    expect(told.get("requests/00000.parquet")).toContain(`for ${token}`);
  });
});
