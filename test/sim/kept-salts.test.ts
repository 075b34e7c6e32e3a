import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Interrupted } from "../../io/interrupted.ts";
import { inline, type Pool, threadPool } from "../../io/pool.ts";
import { asReplayed, candidateValues, noChange } from "../../scenarios/scenario.ts";
import { KeptSalts } from "../../sim/kept-salts.ts";
import type { Rollout } from "../../sim/rollout.ts";
import { type SaltsJob, simulate, simulateSalts, simulationWorker } from "../../sim/simulate.ts";
import { type SimulationInput, simulationInput } from "../../sim/simulation-input.ts";
import { temporaryFolder } from "../support/folders.ts";
import { refusal } from "../support/refusal.ts";
import { clusteredTraffic, smallPlan } from "../support/traffic.ts";

function inputOf(users = 200, scenarios = [noChange, asReplayed]): SimulationInput {
  const outcomes = clusteredTraffic({ users });
  const values = scenarios.map((own) => ({ name: own.name, candidate: candidateValues(own, outcomes) }));
  return simulationInput(smallPlan(), outcomes, values);
}

const input = inputOf();
const settings = { seed: "kept", salts: 12, replicatesPerSalt: 3 };
const whole = await simulate(input, settings, inline(simulateSalts));
let folder: string;
beforeEach(() => {
  folder = join(temporaryFolder(), "salts");
});

/** A pool that notes the salts that it simulates, and is stopped after so many jobs. */
function noting(simulated: number[], jobs = Number.POSITIVE_INFINITY): Pool<SaltsJob, Rollout[][][]> {
  let left = jobs;
  return inline((job) => {
    if (left === 0) throw new Interrupted("interrupted");
    left -= 1;
    simulated.push(...job.salts);
    return simulateSalts(job);
  });
}

/** Simulates as a new process would, which has only the folder. */
async function simulateKept(
  own: Partial<Parameters<typeof simulate>[1]> = {},
  { of = input, jobs, version = "1" }: { of?: SimulationInput; jobs?: number; version?: string } = {},
) {
  const simulated: number[] = [];
  const progress: number[] = [];
  const kept = new KeptSalts(folder, version);
  const pool = noting(simulated, jobs);
  const rollouts = await simulate(of, { ...settings, ...own }, pool, (salts) => progress.push(salts), kept).catch(
    (error: unknown) => error,
  );
  return { rollouts, simulated, progress, kept };
}

const parts = () =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".gz"))
    .sort()
    .map((name) => join(folder, name));
const from = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);

describe("a simulation whose salts are kept", () => {
  it("goes on after the salts that were finished, to the same rollouts, and says how many they are", async () => {
    const first = await simulateKept({}, { jobs: 1 });
    expect([first.rollouts, first.simulated]).toEqual([expect.any(Interrupted), from(0, 5)]);
    const second = await simulateKept({}, { jobs: 1 });
    expect([second.progress, second.simulated]).toEqual([[5, 5], from(5, 10)]);
    const third = await simulateKept();
    expect([third.progress, third.simulated]).toEqual([
      [10, 2],
      [10, 11],
    ]);
    expect(third.rollouts).toEqual(whole);
    const fourth = await simulateKept();
    expect([fourth.progress, fourth.simulated]).toEqual([[12], []]);
    expect(fourth.rollouts).toEqual(whole);
  });

  it("keeps them when threads are interrupted, begins no further ones, and finds them on other threads", async () => {
    const interruption = new AbortController();
    const kept = new KeptSalts(folder, "1");
    const pool = threadPool<SaltsJob, Rollout[][][]>(simulationWorker, 1, interruption.signal);
    const many = { ...settings, salts: 60 };
    let begun = false;
    const stop = (salts: number) => {
      if (salts > 0) begun = true;
      if (begun) interruption.abort();
    };
    await expect(simulate(input, many, pool, stop, kept)).rejects.toThrow(Interrupted);
    const { simulated, rollouts } = await simulateKept({ salts: 60 });
    expect(simulated).toEqual(from(5, 60));
    expect(rollouts).toEqual(await simulate(input, many, threadPool(simulationWorker, 2)));
  });

  it("uses them for more salts, and from another salt on", async () => {
    await simulateKept({ salts: 3 });
    const more = await simulateKept();
    expect(more.simulated).toEqual(from(3, 12));
    expect(more.rollouts).toEqual(whole);
    const later = await simulateKept({ firstSalt: 10, salts: 3 });
    expect(later.simulated).toEqual([12]);
  });

  it.each<[string, Parameters<typeof simulateKept>]>([
    ["seed", [{ seed: "other" }]],
    ["number of replicates", [{ replicatesPerSalt: 4 }]],
    ["population", [{ fixedPopulation: true }]],
    ["traffic", [{}, { of: inputOf(201) }]],
    ["scenario", [{}, { of: inputOf(200, [noChange]) }]],
    ["plan", [{}, { of: { ...input, plan: { ...input.plan, salt: "other" } } }]],
    ["version", [{}, { version: "2" }]],
  ])("never uses what was kept for another %s, and leaves it there", async (_, other) => {
    await simulateKept();
    const before = parts();
    const own = await simulateKept(...other);
    expect(own.simulated).toEqual(from(0, 12));
    own.kept.remove();
    expect(parts()).toEqual(before);
    expect((await simulateKept()).simulated).toEqual([]);
  });

  it("removes them when their results are written, and the folder with the last of them", async () => {
    const { kept } = await simulateKept();
    expect(parts().length).toBeGreaterThan(0);
    kept.remove();
    expect(readdirSync(join(folder, ".."))).toEqual([]);
  });

  it("is as long as few bytes a rollout", async () => {
    await simulateKept({ salts: 30, replicatesPerSalt: 25 });
    const bytes = parts().reduce((sum, file) => sum + readFileSync(file).length, 0);
    expect(bytes / (30 * 25 * 2)).toBeLessThan(12);
  });
});

describe("kept salts that are damaged", () => {
  const flip = (file: string, at: number) => {
    const bytes = readFileSync(file);
    const i = Math.floor(at * bytes.length);
    bytes[i] = (bytes[i] as number) ^ 4;
    writeFileSync(file, bytes);
  };

  it.each<[string, (file: string) => void]>([
    ["cut off", (file) => truncateSync(file, readFileSync(file).length - 3)],
    ["empty", (file) => truncateSync(file, 0)],
    ["other bytes", (file) => writeFileSync(file, "no salts")],
    ["changed near their beginning", (file) => flip(file, 0.1)],
    ["changed in the middle", (file) => flip(file, 0.5)],
    ["changed near their end", (file) => flip(file, 0.97)],
    ["not yet renamed", (file) => renameSync(file, `${file}.tmp`)],
  ])("are simulated again when they are %s", async (_, damage) => {
    await simulateKept();
    for (const file of parts()) damage(file);
    const { simulated, rollouts } = await simulateKept();
    expect(simulated).toEqual(from(0, 12));
    expect(rollouts).toEqual(whole);
    expect((await simulateKept()).simulated).toEqual([]);
  });

  it("are simulated again when they were moved from other settings, and the others are not", async () => {
    await simulateKept({ seed: "other", salts: 5 });
    const [foreign = ""] = parts();
    await simulateKept({}, { jobs: 2 });
    const own = parts().filter((file) => file !== foreign);
    const first = own.find((file) => file.includes("00000.")) as string;
    renameSync(foreign, first);
    const { simulated, rollouts } = await simulateKept();
    expect(simulated.slice(0, 5)).toEqual(from(0, 5));
    expect(rollouts).toEqual(whole);
  });
});

describe("a disk that refuses to keep salts", () => {
  it("ends the simulation with the path and the way out", async () => {
    writeFileSync(folder, "");
    expect(((await simulateKept()).rollouts as Error).message).toMatch(
      /salts.*: a part of this path is a file, not a folder; check the path/,
    );
    rmSync(folder);
    rmSync(join(folder, ".."), { recursive: true });
    expect(((await simulateKept()).rollouts as Error).message).toMatch(/salts: is not there, or no longer there; /);
    mkdirSync(join(folder, ".."));
  });

  it("ends it soon when that happens on the way, and does not begin the other salts", async () => {
    const simulated: number[] = [];
    const pool: Pool<SaltsJob, Rollout[][][]> = async (jobs, onDone) =>
      inline<SaltsJob, Rollout[][][]>(async (job) => {
        simulated.push(...job.salts);
        if (job.salts[0] === 5) rmSync(folder, { recursive: true });
        await new Promise((resolve) => setTimeout(resolve, 20));
        return simulateSalts(job);
      })(jobs, onDone);
    const message = await refusal(() =>
      simulate(input, { ...settings, salts: 40 }, pool, () => {}, new KeptSalts(folder, "1")),
    );
    expect(message).toMatch(/\.salts\.gz.*: is not there, or no longer there; /);
    expect(simulated.length).toBeLessThan(40);
  });
});
