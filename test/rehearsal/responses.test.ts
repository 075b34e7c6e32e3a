import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../io/hash.ts";
import { parquetFiles, temporaryName } from "../../io/run-folder.ts";
import { loadProject } from "../../rehearsal/project.ts";
import { compareLanes, replayTraffic } from "../../rehearsal/rehearse.ts";
import type { RunOptions } from "../../rehearsal/run.ts";
import { count, percent } from "../../reports/format.ts";
import { differencesFile } from "../../shadow/difference/compare-responses.ts";
import { type Difference, responseDifference } from "../../shadow/difference/response-difference.ts";
import { observationsFile, responsesFile } from "../../shadow/shard-store.ts";
import { parquetRows, policyModule, projectFolder, requests, runOptions } from "../support/project-folder.ts";

/** What a policy of this version answers to a request; undefined is no response, null a failure. */
type Respond = (n: number, version: number) => { readonly response?: unknown } | null;

/** Answers of every kind; those of the second version differ in every way in some of them. */
const respond: Respond = (n, version) => {
  const other = version === 2 ? n % 23 : 0;
  if (n % 501 === 7) return version === 2 ? null : { response: "only control answers" };
  if (n % 301 === 3) return version === 2 ? { response: "only the candidate has a response" } : {};
  if (n % 101 === 9) return { response: other === 5 ? `text ${n} é \ud83d` : `text ${n} é` };
  if (n % 103 === 4) return { response: n };
  const whole = { z: `planted answer ${n}`, a: [n, n + 1, { deep: [n % 7, null, true] }], json: `{"n": ${n}}` };
  if (other === 1) return { response: { ...whole, a: [n + 1, n, { deep: [n % 7, null, true] }] } };
  if (other === 2) return { response: { ...whole, a: [n, n + 2, { deep: [n % 7, 1, false] }] } };
  if (other === 3) return { response: { z: whole.z, json: `{"n": ${n}, "more": []}`, extra: n / 3 } };
  if (other === 4) return { response: { ...whole, z: `planted reply ${n}` } };
  return { response: { json: whole.json, a: whole.a, z: whole.z } };
};

const module = (version: number) =>
  policyModule({
    version: String(version),
    before: `const answer = ${String(respond)};
const told = (own) => { if (own === null) throw new Error("no answer"); return { ...own, measures: { completed: true } }; };`,
    respond: `told(answer(request.n, ${version}))`,
  });

const log = requests(21_000, 3);

function project(replay: object = { responses: "store" }, own = log): string {
  return projectFolder({
    log: own,
    files: { "control.mjs": module(1), "candidate.mjs": module(2) },
    project: { replay },
  });
}

interface Answered {
  readonly session: string;
  readonly seq: number;
  readonly response: string | null;
}

/** What each request of a session is answered in a lane, until it fails, as canonical JSON. */
function answers(version: number, own = log): readonly Answered[] {
  const failed = new Set<string>();
  return own.map(({ session, input: { n } }) => {
    const answer = failed.has(session) ? null : respond(n, version);
    if (answer === null) failed.add(session);
    const response = answer?.response === undefined ? null : canonicalJson(answer.response);
    return { session, seq: n % 3, response };
  });
}

interface DifferenceRow extends Omit<Difference, "control" | "candidate" | "distance"> {
  readonly session: string;
  readonly seq: number;
  readonly control: string | null;
  readonly candidate: string | null;
  readonly distance: number | null;
}

/** The differences of two lanes' answers. */
function differences(control: readonly Answered[], candidate: readonly Answered[]): readonly DifferenceRow[] {
  const parsed = (text: string | null | undefined) => (typeof text === "string" ? JSON.parse(text) : undefined);
  return control.flatMap(({ session, seq, response }, i) => {
    const other = candidate[i]?.response;
    return responseDifference(parsed(response), parsed(other)).map((own) => ({
      session,
      seq,
      path: own.path,
      kind: own.kind,
      control: own.control?.toWellFormed() ?? null,
      candidate: own.candidate?.toWellFormed() ?? null,
      distance: own.distance ?? null,
    }));
  });
}

const key = ({ session, seq }: { readonly session: string; readonly seq: number }) =>
  `${session.replace("session ", "").padStart(6, "0")} ${seq}`;
/** Sorted by session and number; the differences of a response keep their order. */
const inOrder = <Row extends { readonly session: string; readonly seq: number }>(rows: readonly Row[]) =>
  [...rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));

const replayed = async (folder: string, options: Partial<RunOptions> = {}) =>
  replayTraffic(await loadProject(folder), runOptions({ threads: 2, ...options }));

const rowsIn = <Row>(run: string, ...parts: readonly string[]) => parquetRows<Row>(parquetFiles(join(run, ...parts)));

/** Names and hashes of the files of responses and differences. */
function fingerprints(run: string): Readonly<Record<string, string>> {
  const files = readdirSync(run, { recursive: true, encoding: "utf8" }).filter((file) =>
    /^(responses|differences)\/.*\.parquet$/.test(file),
  );
  return Object.fromEntries(
    files.sort().map((file) => [
      file,
      createHash("sha256")
        .update(readFileSync(join(run, file)))
        .digest("hex"),
    ]),
  );
}

describe("stored responses", () => {
  it("are the canonical JSON of each answer, by lane and shard, and their differences those of responseDifference", async () => {
    const { folder: run, notes } = await replayed(project());
    expect(Object.keys(fingerprints(run))).toEqual(
      ["differences", "responses/candidate", "responses/control"].flatMap((part) =>
        [0, 1, 2].map((shard) => `${part}/0000${shard}.parquet`),
      ),
    );
    const [control, candidate] = [answers(1), answers(2)] as const;
    expect(inOrder(await rowsIn<Answered>(run, "responses", "control"))).toEqual(inOrder(control));
    expect(inOrder(await rowsIn<Answered>(run, "responses", "candidate"))).toEqual(inOrder(candidate));

    const expected = differences(control, candidate);
    expect(inOrder(await rowsIn<DifferenceRow>(run, "differences"))).toEqual(inOrder(expected));
    const kinds = new Map<string, number>();
    for (const { kind } of expected) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    expect(new Set(kinds.keys())).toEqual(new Set(["missing", "extra", "number", "text", "boolean", "order", "type"]));
    const byNumber = [...kinds].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const compared = control.filter(({ response }, i) => response !== null || candidate[i]?.response !== null).length;
    const differing = new Set(expected.map(key)).size;
    expect(notes).toContain(
      `${count(differing)} of ${count(compared)} stored responses differ in their structure, by kind: ${byNumber.map(([kind, n]) => `${count(n)} ${kind}`).join(", ")}; see differences/ of the run`,
    );
  });

  it("first diverge in a session where its first two responses differ that both lanes have", async () => {
    const { traffic } = await compareLanes(await loadProject(project()), runOptions({ threads: 2 }));
    const [control, candidate] = [answers(1), answers(2)] as const;
    const pairs = control.flatMap(({ session, seq, response }, i) => {
      const other = candidate[i]?.response ?? null;
      return response === null || other === null ? [] : [{ session, seq, differs: response !== other }];
    });
    const differing = pairs.filter(({ differs }) => differs);
    const firsts = new Map<string, number>();
    for (const { session, seq } of differing) if (!firsts.has(session)) firsts.set(session, seq);
    const sorted = [...firsts.values()].sort((a, b) => a - b);
    const middle = sorted.length / 2;
    const median = ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle) - 1] as number)) / 2;
    const sessions = new Set(pairs.map(({ session }) => session)).size;
    expect(traffic.notes).toContain(
      `${count(differing.length)} of ${count(pairs.length)} responses (${percent(differing.length / pairs.length)}) differ between the lanes, in ${count(firsts.size)} of ${count(sessions)} sessions, first at request ${1 + median} (median)`,
    );
  });

  it("of a run that was killed are completed, with the same bytes and the same notes", async () => {
    const folder = project();
    const { folder: run, notes } = await replayed(folder);
    const whole = fingerprints(run);
    for (const lost of [
      [differencesFile(run, 1)],
      [observationsFile(run, "candidate", 2), responsesFile(run, "candidate", 2), differencesFile(run, 2)],
      ["control", "candidate"].flatMap((lane) => [observationsFile(run, lane, 0), responsesFile(run, lane, 0)]),
    ]) {
      for (const file of lost) {
        rmSync(file);
        writeFileSync(temporaryName(file), "cut off while it was written");
      }
      const resumed = await replayed(folder, { resume: true, threads: 1 });
      expect(resumed).toMatchObject({ resumed: true, folder: run });
      expect(fingerprints(run)).toEqual(whole);
      expect(resumed.notes).toEqual(notes);
    }
  });

  it("are there before the observations of their shard, which are never asked for again", async () => {
    const { folder: run } = await replayed(project());
    for (const lane of ["control", "candidate"]) {
      for (const shard of [0, 1, 2]) {
        const [responses, observations] = [responsesFile(run, lane, shard), observationsFile(run, lane, shard)];
        expect(statSync(responses, { bigint: true }).mtimeNs).toBeLessThanOrEqual(
          statSync(observations, { bigint: true }).mtimeNs,
        );
      }
    }
  });
});

describe("the lanes whose responses are stored", () => {
  const few = requests(600, 3);
  const folders = (run: string, part: string) =>
    existsSync(join(run, part)) ? readdirSync(join(run, part)).sort() : [];

  it("are all that are replayed; compared are the two of the comparison", async () => {
    const { folder: run, notes } = await replayed(
      project({ lanes: ["control", "control_again", "candidate"], responses: "store" }, few),
    );
    expect(folders(run, "responses")).toEqual(["candidate", "control", "control_again"]);
    expect(fingerprints(run)["responses/control_again/00000.parquet"]).toBe(
      fingerprints(run)["responses/control/00000.parquet"],
    );
    expect(inOrder(await rowsIn<DifferenceRow>(run, "differences"))).toEqual(
      inOrder(differences(answers(1, few), answers(2, few))),
    );
    expect(notes.filter((note) => note.includes("stored responses"))).toHaveLength(1);
  });

  it("of an A/A replay have no difference", async () => {
    const folder = projectFolder({
      log: few,
      files: { "control.mjs": module(1) },
      project: { replay: { lanes: ["control", "control_again"], responses: "store" }, candidate: undefined },
    });
    const { folder: run, notes } = await replayed(folder);
    expect(await rowsIn(run, "differences")).toEqual([]);
    expect(notes).toEqual([]);
  });

  it("leave out what production logged, which has none here", async () => {
    const folder = projectFolder({
      log: few,
      files: { "candidate.mjs": module(2) },
      project: {
        recorded: { measures: { completed: { sql: "true" } } },
        control: undefined,
        replay: { lanes: ["recorded", "candidate"], responses: "store" },
      },
    });
    const { folder: run } = await replayed(folder);
    expect(folders(run, "responses")).toEqual(["candidate"]);
    expect(existsSync(join(run, "differences"))).toBe(false);
  });
});

describe("responses that are not stored", () => {
  it.each([
    ["store", true],
    ["digest", false],
  ])("responses: %s leaves their text in the run's files: %s", async (responses, there) => {
    const { folder: run } = await replayed(project({ responses }, requests(600, 3)));
    const files = readdirSync(run, { recursive: true, encoding: "utf8" }).filter((file) =>
      statSync(join(run, file)).isFile(),
    );
    const texts = await Promise.all(
      files.map(async (file) => {
        const rows = file.endsWith(".parquet") ? await parquetRows(join(run, file)) : [];
        return (
          readFileSync(join(run, file), "latin1") +
          JSON.stringify(rows, (_, own) => (typeof own === "bigint" ? `${own}` : own))
        );
      }),
    );
    expect(files.some((file) => file.startsWith("observations/candidate/"))).toBe(true);
    expect(texts.join("\n").includes("planted")).toBe(there);
    expect(existsSync(join(run, "responses"))).toBe(there);
    expect(existsSync(join(run, "differences"))).toBe(there);
  });
});
