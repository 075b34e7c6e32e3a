import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const folders = ["statistics", "plan", "io", "shadow", "scenarios", "sim", "analysis", "reports", "rehearsal", "cli"];
const root = new URL("..", import.meta.url).pathname;

const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => ({ folder, path: `${folder}/${file}`, text: readFileSync(join(root, folder, file), "utf8") })),
);

/** Where policies run: what they print and throw is caught there. */
const edge = ["shadow/worker.ts", "shadow/surroundings.ts"];

const imports = (text: string) => [...text.matchAll(/from "([^"]+)"/g)].map(([, specifier]) => specifier as string);

/** Folders that alone may import these packages. */
const owners: Readonly<Record<string, readonly string[]>> = {
  "@duckdb/node-api": ["io", "shadow"],
  "apache-arrow": ["io", "shadow"],
  piscina: ["io"],
  seedrandom: ["statistics"],
  commander: ["cli"],
};

describe("the architecture", () => {
  it.each(files)("$path imports from its own folder and from folders to its left", ({ folder, path, text }) => {
    for (const specifier of imports(text).filter((own) => own.startsWith("../"))) {
      const from = new URL(specifier, `file:///${path}`).pathname.split("/")[1] as string;
      if (folder === "cli" && from === "index.ts") continue;
      expect(folders.indexOf(from), `${path} imports ${specifier}`).toBeLessThanOrEqual(folders.indexOf(folder));
      expect(folders, specifier).toContain(from);
    }
  });

  it.each(files)("$path has no hidden clock and no hidden dice", ({ folder, path, text }) => {
    const clock = /\bDate\.now\b|new Date\(\)|performance\.now|process\.hrtime/;
    if (folder !== "cli" && path !== "shadow/worker.ts") expect(text).not.toMatch(clock);
    if (path !== "statistics/random-stream.ts") expect(text).not.toMatch(/Math\.random|randomUUID|randomBytes/);
  });

  it.each(files)("$path touches process, output and threads only where that is its job", ({ folder, path, text }) => {
    if (folder !== "cli" && !edge.includes(path))
      expect(text).not.toMatch(/\bprocess\.(exit|argv|env|cwd|std)|console\./);
    for (const [own, allowed] of Object.entries(owners)) {
      if (!allowed.includes(folder)) expect(imports(text)).not.toContain(own);
    }
  });
});
