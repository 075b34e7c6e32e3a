import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type TrafficOptions, trafficCommand } from "../../cli/traffic.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { trafficSection } from "../../reports/traffic-section.ts";
import { inspectTraffic } from "../../shadow/inspect/traffic.ts";
import { repository, temporaryFolder } from "../support/folders.ts";
import { jsonLines, writeFiles } from "../support/import-log.ts";
import { projectFolder } from "../support/project-folder.ts";
import { refusal } from "../support/refusal.ts";

type Row = Readonly<Record<string, unknown>>;

const monday = Date.UTC(2026, 0, 5);

function log(n = 60, change: (row: Row, i: number) => Row = (row) => row): Row[] {
  return Array.from({ length: n }, (_, i) =>
    change(
      {
        conversation_id: `c-${Math.floor(i / 2)}`,
        trace_id: `t-${i}`,
        user_id: `u-${Math.floor(i / 4)}`,
        started_at: new Date(monday + i * 60_000).toISOString(),
        input: `what about order ${i}?`,
        output: `order ${i} is on its way`,
        workflow: ["order", "refund"][Math.floor(i / 2) % 2],
      },
      i,
    ),
  );
}

/** Runs the command in a folder; what it printed, and its exit code. */
async function command(folder: string, patterns: readonly string[], options: Partial<TrafficOptions> = {}) {
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  let stdout = "";
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    const code = await trafficCommand(patterns, { threads: 1, ...options });
    return { code, stdout };
  } finally {
    out.mockRestore();
    err.mockRestore();
    process.chdir(before);
  }
}

/** A folder with `logs/a.jsonl.gz` and `logs/b.jsonl.gz`. */
function logFolder(rows: readonly Row[] = log()): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "logs"));
  const half = Math.ceil(rows.length / 2);
  writeFiles(join(folder, "logs"), {
    "a.jsonl.gz": gzipSync(jsonLines(rows.slice(0, half))),
    "b.jsonl.gz": gzipSync(jsonLines(rows.slice(half))),
  });
  return folder;
}

/** The rest of a project around a traffic section. */
const rest = `name: test
control: { module: control.mjs }
candidate: { module: candidate.mjs }
metrics: { completion: { kind: proportion, value: bool_or(completed), better: higher } }
plan: plan.yaml
`;

/** A project with this section; files are beside it. */
function projectWith(section: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  return projectFolder({ files: { ...files, "foretaste.yaml": rest + section } });
}

describe("foretaste traffic inspect", () => {
  it("shows what is there, the guesses, the warnings and the section", async () => {
    const rows = log(60, (row, i) => (i === 5 ? { ...row, user_id: "someone else" } : row));
    const { code, stdout } = await command(logFolder(rows), ["logs/*.jsonl.gz"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^2 files: 60 records \(jsonl\), 0 unreadable\n2026-01-05T00:00:00.000Z to 2026-01-05T00:59:00.000Z\n60 requests in 30 sessions, 2.00 each\n/,
    );
    expect(stdout).toMatch(/\ncolumn +type +missing +distinct +example\n/);
    expect(stdout).toMatch(/\nworkflow +VARCHAR +0 % +2 +order\n/);
    expect(stdout).toMatch(
      /\nsession +conversation_id: by its name; 30 different values, 2 records each \(or trace_id: .*\)\n/,
    );
    expect(stdout).toMatch(
      /\n1 warning, .*:\n- values that change: user_id changes inside 1 of 30 sessions; .* \(as session c-2\)\n/,
    );
    expect(stdout).toMatch(/\ntraffic:\n {2}source: logs\/\*\.jsonl\.gz\n {2}columns:\n {4}session: conversation_id/);
  });

  it("prints what the library returns with --json, and nothing else", async () => {
    const folder = logFolder();
    const { stdout } = await command(folder, ["logs/*.jsonl.gz"], { json: true });
    const files = ["logs/a.jsonl.gz", "logs/b.jsonl.gz"];
    const returned = await inspectTraffic(files.map((file) => join(folder, file)));
    expect(JSON.parse(stdout)).toEqual({ ...JSON.parse(JSON.stringify(returned)), files });
  });

  it("reads a file that two patterns name once", async () => {
    const { stdout } = await command(logFolder(), ["logs/a*", "logs/*.gz", "./logs/b.jsonl.gz"]);
    expect(stdout).toMatch(/^2 files: 60 records/);
  });

  it("shows the first unreadable record with its place", async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { "log.jsonl": `${jsonLines(log())}{"conversation_id": "cut\n` });
    const { code, stdout } = await command(folder, ["log.jsonl"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^log.jsonl: 61 records \(jsonl\), 1 unreadable\nthe first unreadable one: log.jsonl:61: not valid JSON\n/,
    );
  });

  it("refuses files that are not there or not logs", async () => {
    const folder = logFolder();
    writeFiles(folder, { "log.txt": "x", "bad.jsonl": "\u0000\n" });
    for (const [pattern, message] of [
      ["none.jsonl", /^none.jsonl: no such file/],
      ["none/*.jsonl", /^none\/\*\.jsonl: no file matches/],
      ["", /^FILE: no such file/],
      ["log.txt", /log.txt: has an unknown format/],
      ["logs", /unknown format|is a folder/],
      ["bad.jsonl", /bad.jsonl:1: no record of the file can be read/],
    ] as const) {
      expect(await refusal(() => command(folder, [pattern])), pattern).toMatch(message);
    }
  });

  it("names the option where a stated column is not in the log", async () => {
    const folder = logFolder();
    expect(await refusal(() => command(folder, ["logs/*"], { session: "conversation" }))).toMatch(
      /^--session: column conversation is not in/,
    );
    expect(await refusal(() => command(folder, ["logs/*"], { attribute: ["workflo"] }))).toMatch(
      /^--attribute: column workflo is not in .*did you mean workflow\?/,
    );
  });

  it("lets no escape sequence of a log into the terminal", async () => {
    const evil = "\u001b[2J\u0007\r\n\u202e<script>";
    const rows = log(60, (row, i) => ({
      ...row,
      workflow: `${row.workflow}${evil}`,
      conversation_id: `${row.conversation_id}${evil}`,
      [`tier${evil}`]: i % 4 < 2 ? evil : "x",
      user_id: i === 0 ? evil : row.user_id,
    }));
    const { stdout } = await command(logFolder(rows), ["logs/*"]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(stdout).toMatch(/\n1 warning, .*\n- values that change: user_id/);
  });
});

describe("the section", () => {
  it("makes a project that loads, with the guessed columns and the log's files", async () => {
    const logs = { "logs/a.jsonl": jsonLines(log(30)), "logs/b.jsonl": jsonLines(log(30)) };
    const folder = projectFolder({ files: logs });
    const { stdout } = await command(folder, ["logs/*.jsonl"]);
    const section = stdout.slice(stdout.indexOf("# Guessed"));
    const { traffic, attributes } = await loadProject(projectWith(section, logs));
    expect(traffic).toMatchObject({
      session: "conversation_id",
      user: "user_id",
      at: "started_at",
      request: "input",
      response: "output",
    });
    expect(traffic?.files.map((file) => file.slice(-12))).toEqual(["logs/a.jsonl", "logs/b.jsonl"]);
    expect(attributes).toEqual([{ name: "workflow", from: "workflow" }]);
  });

  it("gives the runner-up as a line to swap in", async () => {
    const folder = logFolder();
    const { stdout } = await command(folder, ["logs/*"]);
    expect(stdout).toMatch(/\n {4}# session: trace_id +# or: by its name; 60 different values, each record its own\n/);
    const swapped = stdout
      .slice(stdout.indexOf("# Guessed"))
      .replace(/^ {4}session: conversation_id/m, "    # session: conversation_id")
      .replace(/^ {4}# session: trace_id/m, "    session: trace_id");
    const project = projectWith(swapped, { "logs/a.jsonl.gz": gzipSync(jsonLines(log())) });
    expect((await loadProject(project)).traffic?.session).toBe("trace_id");
  });

  it("loads with columns and files of any name", async () => {
    const names = [
      "yes",
      "1.5",
      "- a",
      "a: b",
      "#x",
      "é 😀",
      "\u0085\u2028x",
      "'\"\\",
      "*a",
      "null",
      "{sql: 1}",
      "a\nb",
      "!x",
      "@a",
      "trailing ",
    ];
    for (const name of names) {
      const rows = log(20).map(({ conversation_id, workflow, ...row }) => ({
        ...row,
        [`${name} session_id`]: conversation_id,
        [name]: workflow,
      }));
      const logs = { "a [1] #x.jsonl": jsonLines(rows), "é: '\"*?.jsonl": jsonLines(rows) };
      const folder = projectFolder({ files: logs });
      const { stdout } = await command(folder, Object.keys(logs));
      const section = stdout.slice(stdout.indexOf("# Guessed"));
      const { traffic, attributes } = await loadProject(projectWith(section, logs));
      expect(traffic?.session).toBe(`${name} session_id`);
      expect(attributes.map((own) => own.name)).toEqual([name]);
      expect(traffic?.files).toHaveLength(2);
    }
  });

  it("says that no session could be guessed, and loads when one is put in", async () => {
    const rows = log(60, ({ started_at, input }, i) => ({ TIMESTAMP: started_at, tokens: i % 7, input }));
    const logs = { "log.jsonl": jsonLines(rows) };
    const section = trafficSection(await inspectTraffic(writeFiles(temporaryFolder(), logs)), ["log.jsonl"]);
    expect(section).toMatch(/\n {4}# session: COLUMN +# needed, and none could be guessed/);
    expect(section).toMatch(
      /\n {4}# session: TIMESTAMP +# makes every record a session of its own: its values all differ\n/,
    );
    expect(await refusal(() => loadProject(projectWith(section, logs)))).toMatch(/session/);
    const project = projectWith(section.replace("# session: TIMESTAMP", "session: TIMESTAMP"), logs);
    expect((await loadProject(project)).traffic).toMatchObject({
      session: "TIMESTAMP",
      at: "TIMESTAMP",
      request: "input",
    });
  });

  it("stays readable YAML when nothing at all could be guessed", async () => {
    const logs = { "log.jsonl": jsonLines(Array.from({ length: 60 }, (_, i) => ({ n: i % 9, x: i / 7 }))) };
    const section = trafficSection(await inspectTraffic(writeFiles(temporaryFolder(), logs)), ["log.jsonl"]);
    expect(section).toMatch(/\n {2}# columns:\n {4}# session: COLUMN/);
    expect(await refusal(() => loadProject(projectWith(section, logs)))).toMatch(/traffic.columns is missing/);
  });

  it("has a commented line of arrivals for a log without times only", async () => {
    const logs = { "log.jsonl": jsonLines(log(60, ({ started_at, ...row }) => row)) };
    const section = trafficSection(await inspectTraffic(writeFiles(temporaryFolder(), logs)), ["log.jsonl"]);
    expect(section).toMatch(/\n {2}# arrivals: \{ perDay: 1000, pattern: flat \}/);
    const project = await loadProject(projectWith(section.replace("# arrivals", "arrivals"), logs));
    expect(project.arrivals).toMatchObject({ perDay: 1000 });
    const timed = await inspectTraffic(writeFiles(temporaryFolder(), { "log.jsonl": jsonLines(log()) }));
    expect(trafficSection(timed, ["log.jsonl"])).not.toMatch(/arrivals/);
  });

  it("offers an expression for times that count from the log's start", async () => {
    const logs = {
      "log.jsonl": jsonLines(log(60, ({ started_at, ...row }, i) => ({ ...row, timestamp: `${i * 7}` }))),
    };
    const section = trafficSection(await inspectTraffic(writeFiles(temporaryFolder(), logs)), ["log.jsonl"]);
    const swapped = section.replace("    at: timestamp", "    # at: timestamp").replace("    # at: {", "    at: {");
    expect((await loadProject(projectWith(swapped, logs))).traffic?.at).toEqual({
      sql: `timestamp '2026-01-05 00:00:00' + to_seconds(cast("timestamp" as double))`,
    });
  });
});

describe("--write", () => {
  it("writes the section, with the source relative to the file's own folder", async () => {
    const folder = logFolder();
    const { stdout } = await command(folder, ["logs/*.jsonl.gz"], { write: "rehearsals/refunds/traffic.yaml" });
    expect(stdout).toMatch(/\nwritten: rehearsals\/refunds\/traffic.yaml\n$/);
    expect(stdout).not.toMatch(/\ntraffic:/);
    const written = readFileSync(join(folder, "rehearsals/refunds/traffic.yaml"), "utf8");
    expect(written).toMatch(/\n {2}source: \.\.\/\.\.\/logs\/\*\.jsonl\.gz\n/);
    expect(written.endsWith("\n")).toBe(true);
  });

  it("finds the log again from there, whatever the folders are called", async () => {
    const root = temporaryFolder();
    const folder = join(root, "a [1] * é");
    mkdirSync(join(folder, "logs [x]"), { recursive: true });
    const [file] = writeFiles(join(folder, "logs [x]"), { "a?.jsonl": jsonLines(log()) });
    for (const pattern of ["logs [x]/a?.jsonl", "logs*/*.jsonl", file as string]) {
      for (const write of ["out/foretaste.yaml", join(root, "elsewhere/foretaste.yaml")]) {
        const project = join(root, `${Math.abs(pattern.length * 31 + write.length)}`);
        const target = write.replace(/(out|elsewhere)/, `$1-${project.slice(-3)}`);
        await command(folder, [pattern], { write: target });
        const path = join(target.startsWith("/") ? "" : folder, target);
        const around = projectFolder();
        for (const own of ["control.mjs", "candidate.mjs", "plan.yaml"])
          writeFileSync(join(path, "..", own), readFileSync(join(around, own)));
        writeFileSync(path, rest + readFileSync(path, "utf8"));
        expect((await loadProject(path)).traffic?.files, `${pattern} from ${write}`).toEqual([file]);
      }
    }
  });

  it("refuses to overwrite a file, before it reads the log", async () => {
    const folder = logFolder();
    writeFileSync(join(folder, "foretaste.yaml"), "mine");
    expect(await refusal(() => command(folder, ["none.jsonl"], { write: "foretaste.yaml" }))).toMatch(
      /^foretaste.yaml: exists already/,
    );
    expect(readFileSync(join(folder, "foretaste.yaml"), "utf8")).toBe("mine");
    expect(await refusal(() => command(folder, ["logs/*"], { write: "logs" }))).toMatch(/^logs: exists already/);
    expect(await refusal(() => command(folder, ["logs/*"], { write: "" }))).toMatch(/is not a file's name/);
  });

  it("works with --json: the object on stdout, the section in the file", async () => {
    const folder = logFolder();
    const { stdout } = await command(folder, ["logs/*"], { write: "t.yaml", json: true });
    expect(JSON.parse(stdout)).toMatchObject({ records: 60 });
    expect(existsSync(join(folder, "t.yaml"))).toBe(true);
  });

  it("needs no right to write beside the logs", async () => {
    const folder = logFolder();
    chmodSync(join(folder, "logs"), 0o555);
    onTestFinished(() => chmodSync(join(folder, "logs"), 0o755));
    await command(folder, ["logs/*"], { write: "t.yaml" });
    expect(readdirSync(join(folder, "logs"))).toEqual(["a.jsonl.gz", "b.jsonl.gz"]);
  });
});

const data = join(repository, "..", "shared", "data");
const there = existsSync(data);
if (!there) console.info("skipped: the recorded data are not beside the project");

describe.skipIf(!there)("sections of recorded logs", () => {
  it("is what docs/traffic.md shows", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "logs"));
    const name = "ragpulse_0_trace.jsonl.gz";
    cpSync(join(data, "traces", name), join(folder, "logs", name));
    const { stdout } = await command(folder, ["logs/*.jsonl.gz"]);
    expect(readFileSync(join(repository, "docs/traffic.md"), "utf8")).toContain(`\`\`\`text\n${stdout}\`\`\``);
  });

  it.each([
    ["traces/ragpulse_0_trace.jsonl.gz", { session: "session_id", at: "timestamp" }],
    ["agents/ic_sql_multiturn_gpt-4_10_turns.json.gz", { session: "task_id", request: "query" }],
    ["agents/tau_gpt-4o-airline.json.gz", { session: "task_id" }],
  ])("load: %s", async (file, columns) => {
    const section = trafficSection(await inspectTraffic([join(data, file)]), [join(data, file)]);
    expect((await loadProject(projectWith(section, {}))).traffic).toMatchObject(columns);
  });
});
