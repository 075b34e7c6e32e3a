import { clusters } from "./clusters.ts";
import { counts } from "./counts.ts";
import { decisions } from "./decisions.ts";
import { looks } from "./looks.ts";
import { numbers } from "./numbers.ts";
import { pairs } from "./pairs.ts";
import { shares } from "./shares.ts";
import { strata } from "./strata.ts";
import { type Cell, type Row, runStudy } from "./study.ts";

const runs: Readonly<Record<string, (replicates: number, keep?: (cell: Cell) => boolean) => Row[]>> = {
  numbers: (...own) => runStudy(numbers, ...own),
  counts: (...own) => runStudy(counts, ...own),
  pairs: (...own) => runStudy(pairs, ...own),
  clusters: (...own) => runStudy(clusters, ...own),
  strata: (...own) => runStudy(strata, ...own),
  looks: (...own) => runStudy(looks, ...own),
  shares: (...own) => runStudy(shares, ...own),
  decisions: (...own) => runStudy(decisions, ...own),
};

/** Every study, on the cells that are kept. */
export function runAll(replicates: number, keep?: (cell: Cell) => boolean): Row[] {
  return Object.values(runs).flatMap((run) => run(replicates, keep));
}
