import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { InputError } from "../plan/input-error.ts";
import type { OwnScenario } from "../scenarios/own-scenario.ts";

/**
 * The scenario that a module exports by default.
 *
 * @throws InputError when the module cannot be loaded or exports no scenario
 */
export async function loadScenario(folder: string, module: string, place: string): Promise<OwnScenario> {
  const file = resolve(folder, module);
  if (!existsSync(file)) throw new InputError(place, `${module} does not exist`, `check the path: it is ${file}`);
  let loaded: { default?: Partial<OwnScenario> };
  try {
    loaded = await import(pathToFileURL(file).href);
  } catch (cause) {
    const { code, message } = (cause ?? {}) as NodeJS.ErrnoException;
    const way =
      code === "ERR_UNKNOWN_FILE_EXTENSION"
        ? "node before 22.18 does not read TypeScript: NODE_OPTIONS='--import tsx' foretaste …, or compile it"
        : "mend the module: node must be able to import it";
    throw new InputError(place, `${module} cannot be loaded (${message ?? String(cause)})`, way, { cause });
  }
  const scenario = loaded.default;
  if (typeof scenario?.name !== "string" || scenario.name === "" || typeof scenario.change !== "function") {
    throw new InputError(
      place,
      `${module} exports no scenario by default`,
      "write export default defineScenario({ name, change })",
    );
  }
  return scenario as OwnScenario;
}
