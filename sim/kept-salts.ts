import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzip } from "node:zlib";
import { sha256OfData } from "../io/hash.ts";
import { onDisk, writePart } from "../io/run-folder.ts";
import { controlledStages } from "../plan/plan.ts";
import type { Rollout } from "./rollout.ts";
import type { SimulationInput } from "./simulation-input.ts";

/** What the rollouts of a salt depend on, beside the input. */
export interface SaltSettings {
  readonly seed: string;
  readonly replicatesPerSalt: number;
  readonly fixedPopulation: boolean;
}

/**
 * The rollouts of finished salts, kept in a folder until the simulation's results are written: one that is killed goes on where
 * it was. What is kept of another input, of other settings or by another version is not found, and stays.
 *
 * @param version of the program that simulates
 */
export class KeptSalts {
  readonly #folder: string;
  readonly #version: string;
  readonly #hashes = new WeakMap<SimulationInput, string>();
  readonly #stores = new Map<string, SaltStore>();

  constructor(folder: string, version: string) {
    this.#folder = folder;
    this.#version = version;
  }

  /**
   * What is kept of an input.
   *
   * @throws InputError when the disk cannot be read or written
   */
  of(input: SimulationInput, settings: SaltSettings): SaltStore {
    const hash = this.#hashes.get(input) ?? sha256OfData(input);
    this.#hashes.set(input, hash);
    const key = sha256OfData({ version: this.#version, input: hash, ...settings });
    const known = this.#stores.get(key);
    if (known) return known;
    const folder = join(this.#folder, key.slice(0, 16));
    for (const own of [this.#folder, folder]) if (!existsSync(own)) onDisk(own, () => mkdirSync(own));
    const store = new SaltStore(folder, key, {
      stages: controlledStages(input.plan).length,
      scenarios: input.scenarios.length,
      replicates: settings.replicatesPerSalt,
    });
    this.#stores.set(key, store);
    return store;
  }

  /** Removes what was kept: the results are written. */
  remove(): void {
    onDisk(this.#folder, () => {
      for (const { folder } of this.#stores.values()) rmSync(folder, { recursive: true, force: true });
      if (existsSync(this.#folder) && readdirSync(this.#folder).length === 0) rmdirSync(this.#folder);
    });
  }
}

interface Shape {
  readonly stages: number;
  readonly scenarios: number;
  readonly replicates: number;
}

/** The kept salts of one input and its settings. */
class SaltStore {
  readonly folder: string;
  readonly #key: string;
  readonly #shape: Shape;
  readonly #known = new Map<number, Rollout[][]>();
  #waiting: KeptSalt[] = [];
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(folder: string, key: string, shape: Shape) {
    this.folder = folder;
    this.#key = key;
    this.#shape = shape;
    for (const name of readdirSync(folder).filter((own) => own.endsWith(partEnding))) {
      const file = join(folder, name);
      const salts = unpack(
        onDisk(file, () => readFileSync(file)),
        key,
        shape,
      );
      for (const { salt, rollouts } of salts) this.#known.set(salt, rollouts);
    }
  }

  /** The rollouts of a salt that was finished before, by scenario. */
  get(salt: number): Rollout[][] | undefined {
    return this.#known.get(salt);
  }

  /**
   * Keeps the rollouts of salts, by salt and scenario. Salts that are finished while a part is written are the next part.
   *
   * @throws InputError when the disk has refused an earlier part
   */
  keep(salts: readonly number[], rollouts: readonly (readonly (readonly Rollout[])[])[]): void {
    if (this.#failure) throw this.#failure.error;
    for (const [i, salt] of salts.entries()) this.#waiting.push({ salt, rollouts: rollouts[i] as Rollout[][] });
    this.#writing ??= this.#write().catch((error) => {
      this.#failure = { error };
    });
  }

  /**
   * When everything is on the disk.
   *
   * @throws InputError when it refuses
   */
  async written(): Promise<void> {
    await this.#writing;
    if (this.#failure) throw this.#failure.error;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const part = this.#waiting.sort((a, b) => a.salt - b.salt);
      this.#waiting = [];
      const file = join(this.folder, `${String(part[0]?.salt).padStart(5, "0")}${partEnding}`);
      await writePart(file, await pack(part, this.#key, this.#shape));
    }
    this.#writing = undefined;
  }
}

interface KeptSalt {
  readonly salt: number;
  readonly rollouts: Rollout[][];
}

const partEnding = ".salts.gz";
const ends: readonly Rollout["end"][] = ["promoted", "rolledBack", "stopped"];
const fieldsOf = ({ stages }: Shape) => 5 + stages;
const compress = promisify(gzip);

/** The key as text, then numbers: the salts, then each field of their rollouts by salt, scenario and replicate. gzip adds a checksum. */
function pack(part: readonly KeptSalt[], key: string, shape: Shape): Promise<Buffer> {
  const { stages, scenarios, replicates } = shape;
  const rows = part.length * scenarios * replicates;
  const numbers = new Float64Array(part.length + fieldsOf(shape) * rows);
  let row = part.length;
  for (const [i, { salt, rollouts }] of part.entries()) {
    numbers[i] = salt;
    for (const { end, stage, windows, starts, unitsExposed, because } of rollouts.flat()) {
      numbers[row] = ends.indexOf(end);
      numbers[row + rows] = stage;
      numbers[row + 2 * rows] = windows;
      numbers[row + 3 * rows] = unitsExposed;
      numbers[row + 4 * rows] = because;
      for (let k = 0; k < stages; k++) numbers[row + (5 + k) * rows] = starts[k] ?? Number.NaN;
      row += 1;
    }
  }
  return compress(Buffer.concat([Buffer.from(key), Buffer.from(numbers.buffer)]), { level: 1 });
}

/** None when the part is damaged or of another key. */
function unpack(bytes: Buffer, key: string, shape: Shape): KeptSalt[] {
  const { stages, scenarios, replicates } = shape;
  const content = uncompressed(bytes);
  const salts = (content.length - key.length) / (8 * (1 + fieldsOf(shape) * scenarios * replicates));
  if (content.toString("latin1", 0, key.length) !== key || !Number.isInteger(salts)) return [];
  const numbers = new Float64Array(new Uint8Array(content.subarray(key.length)).buffer);
  const rows = salts * scenarios * replicates;
  const rolloutAt = (row: number): Rollout => ({
    end: ends[numbers[row] as number] as Rollout["end"],
    stage: numbers[row + rows] as number,
    windows: numbers[row + 2 * rows] as number,
    starts: Array.from({ length: stages }, (_, k) => numbers[row + (5 + k) * rows] as number).filter((own) => own >= 0),
    unitsExposed: numbers[row + 3 * rows] as number,
    because: numbers[row + 4 * rows] as number,
  });
  return Array.from({ length: salts }, (_, i) => ({
    salt: numbers[i] as number,
    rollouts: Array.from({ length: scenarios }, (_, s) =>
      Array.from({ length: replicates }, (_, r) => rolloutAt(salts + (i * scenarios + s) * replicates + r)),
    ),
  }));
}

/** Nothing when the checksum, or anything else of gzip, is wrong. */
function uncompressed(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch {
    return Buffer.alloc(0);
  }
}
