import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { repository, temporaryFolder } from "./support/folders.ts";
import { run } from "./support/run-cli.ts";

/** The packed package, unpacked into a project beside its dependencies. */
async function installed(): Promise<{ readonly project: string; readonly tarball: string }> {
  const project = temporaryFolder();
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], { cwd: repository });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const modules = join(project, "node_modules");
  mkdirSync(modules);
  for (const name of readdirSync(join(repository, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(repository, "node_modules", name), join(modules, name));
  }
  const tarball = join(project, filename);
  await run("tar", ["xzf", tarball, "-C", project]);
  cpSync(join(project, "package"), join(modules, "foretaste"), { recursive: true });
  return { project, tarball };
}

it("the packed package rehearses the bundled example, and a library user finds its names and types", async () => {
  const { project, tarball } = await installed();
  const bin = join(project, "node_modules/foretaste/dist/cli/main.js");
  cpSync(join(project, "node_modules/foretaste/examples/support-agent"), join(project, "support-agent"), {
    recursive: true,
  });
  const inProject = { cwd: project };
  await run(process.execPath, [bin, "generate", "support-agent/logs/requests.jsonl", "--sessions", "4000"], inProject);
  const rehearsed = await run(process.execPath, [bin, "rehearse", "support-agent", "--replicates", "50"], inProject);
  expect(rehearsed.stdout).toMatch(/NO-GO/);
  expect(rehearsed.code).toBe(11);

  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(
    join(project, "use.ts"),
    `import { definePolicy, loadProject, type Result, rehearse } from "foretaste";
const policy = definePolicy<{ text: string }>({ name: "a", version: "1", open: () => ({ respond: ({ text }) => ({ response: text, measures: { ok: true } }) }) });
const verdict: Promise<Result["verdict"]["decision"]> = loadProject("support-agent").then((project) => rehearse(project, {
  seed: "x", threads: 1, resume: true, startedAt: new Date(), versions: { foretaste: "0", node: "0" }, command: "", salts: 2 })).then(({ result }) => result.verdict.decision);
console.log(policy.name, await verdict);
`,
  );
  const compilerOptions = {
    module: "NodeNext",
    target: "ES2023",
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ["node"],
    typeRoots: [join(repository, "node_modules/@types")],
    skipLibCheck: false,
    outDir: "out",
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
  const compiled = await run(join(repository, "node_modules/.bin/tsc"), ["-p", "."], inProject);
  expect(compiled.stdout).toBe("");
  const used = await run(process.execPath, ["out/use.js"], inProject);
  expect(used.stdout).toBe("a no-go\n");

  const lint = await run(join(repository, "node_modules/.bin/publint"), ["run", tarball, "--strict"], inProject);
  expect(lint.code, lint.stdout).toBe(0);
  const types = await run(join(repository, "node_modules/.bin/attw"), [tarball, "--profile", "esm-only"], inProject);
  expect(types.code, types.stdout).toBe(0);
});
