import { writeFileSync } from "node:fs";
import { runAll } from "./studies.ts";
import { comparisonsOf, excessOf, falseAlarm, levels, limitOf, type Row } from "./study.ts";

const replicates = 2000;
const rows = runAll(replicates);
const comparisons = comparisonsOf(rows);

const share = (count: number | undefined, of: number | undefined) =>
  count === undefined || !of
    ? ""
    : (count / of)
        .toFixed(3)
        .replace(/^0/, "")
        .replace(/^1\.000$/, "1");
const failing = (row: Row) => {
  const { levels: passed, coverage } = excessOf(row, comparisons);
  return passed.length > 0 || coverage;
};
const splitOf = ({ cell: { split } }: Row) => (split[1] === split[0] ? "equal" : `${split[1]} : ${split[0]}`);
const bold = (text: string, on: boolean) => (on && text !== "" ? `**${text}**` : text);

function tableOf(study: readonly Row[]): string {
  const lines = study.map((row) => {
    const { levels: passed, coverage } = excessOf(row, comparisons);
    const rates = levels.map((level, k) => bold(share(row.rejected?.[k], row.replicates), passed.includes(level)));
    const covered = row.intervals ? share(row.intervals - (row.missed as number), row.intervals) : "";
    const missing = row.undetermined === 0 ? "" : share(row.undetermined, row.replicates);
    return `| ${[row.method, row.cell.population, splitOf(row), row.cell.n.toLocaleString("en"), ...rates, bold(covered, coverage), missing].join(" | ")} |`;
  });
  return [
    "| method | population | split | units | .01 | .05 | .10 | coverage of 95 % | undetermined |",
    "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ...lines,
  ].join("\n");
}

const studies = [...new Set(rows.map((row) => row.study))];
const limits = levels.map((level) => share(limitOf(level, replicates, comparisons), replicates));
const methods = [...new Set(rows.map((row) => row.method))];
const summary = methods.map((method) => {
  const own = rows.filter((row) => row.method === method);
  const bad = own.filter(failing);
  const where = [
    ...new Set(bad.map((row) => `${row.cell.population}, ${splitOf(row)}, ${row.cell.n.toLocaleString("en")}`)),
  ];
  return `| ${method} | \`${own[0]?.file}\` | ${bad.length === 0 ? "holds" : `${bad.length} of ${own.length}: ${where.join("; ")}`} |`;
});

writeFileSync(
  new URL("../../docs/operating-characteristics.md", import.meta.url),
  `# Operating characteristics of the statistics

Written by \`npx tsx test/characteristics/make.ts\`; a smaller grid runs with the tests.

Every test and every interval of \`statistics/\` on data without a difference between the arms, ${replicates.toLocaleString("en")} samples a cell (a tenth of that for costly methods). *Units* are those of both arms; at 1 : 99 the candidate has a hundredth of them.
The columns .01, .05 and .10 are the share of samples in which a two-sided test rejects at that level; *coverage* is that of 95 % intervals that could be computed; *undetermined* is the share of samples in which there is no answer; 1 where a method is left out because it takes too long.

A number is **bold** where it lies beyond what a method of exactly the level would show by chance: at .01, .05 and .10 above ${limits.join(", ")} (binomial quantiles; the chance that any of all ${comparisons.toLocaleString("en")} comparisons is bold without a reason is ${falseAlarm}). Smaller excesses are not seen at this size. Where a method does not hold, its docstring says so and names another one.

## Where methods hold

| method | file | beyond chance |
|---|---|---|
${summary.join("\n")}

${studies.map((study) => `## ${(study[0] as string).toUpperCase()}${study.slice(1)}\n\n${tableOf(rows.filter((row) => row.study === study))}`).join("\n\n")}
`,
);
