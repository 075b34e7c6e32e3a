import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { raw, sql } from "../../../io/sql.ts";
import { InputError } from "../../../plan/input-error.ts";
import { vetExpression } from "../../../shadow/ingest/expression.ts";
import { openDatabase } from "../../support/database.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { refusal } from "../../support/refusal.ts";

describe("an expression over the columns of a row", () => {
  it.each<[string, string[]]>([
    ["a", ["a"]],
    ["a + b * 2", ["a", "b"]],
    ["a.b.c", ["a"]],
    ["a[1]", ["a"]],
    ["a[1:2]", ["a"]],
    ["[a, b]", ["a", "b"]],
    ["{'x': a, 'y': [b]}", ["a", "b"]],
    ["case when a then b else c end", ["a", "b", "c"]],
    ["a between b and c", ["a", "b", "c"]],
    ["a is distinct from b", ["a", "b"]],
    ["try_cast(a as integer)", ["a"]],
    ['"select" || "a b" || "q""q" || "😀"', ["select", "a b", 'q"q', "😀"]],
    ["list_sum(a)", ["a"]],
    ["now", ["now"]],
    ["1", []],
    ["'$1 or US$5'", []],
    ["$$text$$", []],
    ["a -- and a comment", ["a"]],
    ["a /* and a comment */", ["a"]],
    ["'; drop table x; --'", []],
  ])("may be %s", async (text, columns) => {
    expect((await vetExpression(await openDatabase(), text, "here", "scalar")).columns).toEqual(columns);
  });

  it.each<[string, string[]]>([
    ["list_filter(a, lambda x: x > b)", ["a", "b"]],
    ["list_filter(a, x -> x > b)", ["a", "b"]],
    ["list_transform(a, (x, i) -> x + i + b)", ["a", "b"]],
    ["list_reduce(a, lambda x, y: x + y, b)", ["a", "b"]],
    ["list_filter(a, lambda x: len(list_filter(b, lambda y: y = x and y = c)) > 0)", ["a", "b", "c"]],
    ["list_filter(a, lambda x: x > 1) = x", ["a", "x"]],
    ["[x + b for x in a if x > c]", ["a", "b", "c"]],
    ["len(list_filter(turns.valid, lambda valid: not valid))", ["turns"]],
  ])("reads the columns outside a lambda and not its parameters: %s", async (text, columns) => {
    const vetted = await vetExpression(await openDatabase(), text, "here", "scalar");
    expect([...vetted.columns].sort()).toEqual(columns);
  });

  it.each<[string, string[]]>([
    ["a -> '$.b'", ["a"]],
    ["a ->> '$.b'", ["a"]],
    ["(a -> 'b') ->> c", ["a", "c"]],
    ["list_sort(a -> 'b')", ["a"]],
    ["list_filter(a -> 'b', lambda x: x > c)", ["a", "c"]],
  ])("reads JSON by arrows, which look like lambdas: %s", async (text, columns) => {
    expect((await vetExpression(await openDatabase(), text, "here", "scalar")).columns).toEqual(columns);
  });
});

describe("an aggregate over a session's observations", () => {
  it.each<[string, string[]]>([
    ["bool_or(completed)", ["completed"]],
    ["count(*)", []],
    ["count(*) filter (where status = 'ok')", ["status"]],
    ["sum(a) / count(distinct b)", ["a", "b"]],
    ["SUM(a)", ["a"]],
    ["arg_max(a, seq)", ["a", "seq"]],
    ["string_agg(a, ',' order by seq)", ["a", "seq"]],
    ["quantile_cont(latency_ms, 0.95)", ["latency_ms"]],
    ["list(a)[1]", ["a"]],
    ["weighted_avg(a, b)", ["a", "b"]],
    ["max(list_sum(list_transform(a, lambda x: x + b)))", ["a", "b"]],
  ])("may be %s", async (text, columns) => {
    expect((await vetExpression(await openDatabase(), text, "here", "aggregate")).columns).toEqual(columns);
  });
});

describe("refused as a scalar, with place, problem and way out:", () => {
  it.each([
    ["", /is not a SQL expression/],
    ["   ", /is not a SQL expression/],
    ["a +", /syntax error/],
    ["a b", /is not a SQL expression|syntax error/],
    ["a,", /syntax error/],
    ["'open", /is not a SQL expression/],
    ["1 /* open", /unterminated/],
    ["\u0000", /is not a SQL expression/],
    ["select 1", /is not a SQL expression/],
    ["drop table x", /is not a SQL expression/],
    ["from x", /is not a SQL expression/],
    ["1; copy (select 1) to 'x.csv'", /is not a SQL expression/],
    ["1); copy (select 1) to 'x.csv'; select (1", /holds 3 statements/],
    ["1); select (2", /holds 2 statements/],
    ["1, 2", /more than one expression/],
    ["1),(2", /is not a SQL expression/],
    ["1) + (2", /is not a SQL expression/],
    ["a) or (true", /is not a SQL expression/],
    ["1) from x where (1=1", /is not a SQL expression/],
    ["1) union select (2", /is not a SQL expression/],
    ["1) order by (1", /is not a SQL expression/],
    ["1) -- ", /is not a SQL expression/],
    ["1] || [2", /is not a SQL expression/],
    ["1 as x", /is not a SQL expression/],
    ["(select 1)", /has a subquery/],
    ["a in (select 1)", /has a subquery/],
    ["exists (select 1)", /has a subquery/],
    ["array(select 1)", /has a subquery/],
    ["list_filter(a, lambda x: x in (select 1))", /has a subquery/],
    ["row_number() over ()", /has a window function/],
    ["lag(a) over (order by b)", /has a window function/],
    ["*", /one expression/],
    ["a.*", /one expression/],
    ["coalesce(columns('x.*'))", /has a \*/],
    ["$1", /has a parameter/],
    ["?", /has a parameter/],
    ["$name", /has a parameter/],
    ["#1", /by its position/],
    ["unnest(a)", /unnests/],
    ["[unnest(a)]", /unnests/],
    ["random()", /calls random\(\), which is not reproducible/],
    ["a + RANDOM()", /not reproducible/],
    ["list_transform(a, lambda x: random())", /not reproducible/],
    ["now()", /not reproducible/],
    ["today()", /not reproducible/],
    ["uuid()", /not reproducible/],
    ["nextval('s')", /not reproducible/],
    ["ago(interval 1 day)", /not reproducible/],
    ["sum(a)", /is an aggregate/],
    ["count(*)", /is an aggregate/],
    ["a + max(b)", /is an aggregate/],
    ["geomean(a)", /is an aggregate/],
  ])("%j", async (text, problem) => {
    const database = await openDatabase();
    const message = await refusal(() => vetExpression(database, text, "foretaste.yaml:7", "scalar"));
    expect(message).toMatch(problem);
    expect(message.startsWith("foretaste.yaml:7: ")).toBe(true);
    expect(message).toMatch(/; write one expression over the columns of a row$/);
  });
});

describe("refused as an aggregate, with place, problem and way out:", () => {
  it.each([
    ["a", /is not an aggregate/],
    ["1", /is not an aggregate/],
    ["list_sum(a)", /is not an aggregate/],
    ["sum(random())", /not reproducible/],
    ["sum(a) over ()", /has a window function/],
    ["sum((select 1))", /has a subquery/],
    ["sum(unnest(a))", /unnests/],
    ["sum(a), sum(b)", /more than one expression/],
    ["sum(a)) + (sum(b)", /is not a SQL expression/],
    ["sum(a); drop table x", /is not a SQL expression/],
    ["sum($1)", /has a parameter/],
  ])("%j", async (text, problem) => {
    const database = await openDatabase();
    const message = await refusal(() => vetExpression(database, text, "foretaste.yaml:7", "aggregate"));
    expect(message).toMatch(problem);
    expect(message).toMatch(/; write one aggregate over a session's observations$/);
  });
});

describe("any text at all", () => {
  const pieces = fc.constantFrom(
    ...["a", "b", "1", "'x'", '"', "'", "(", ")", "[", "]", "{", "}", ",", ";", "--", "/*", "*/", "\n", "*", "+", ":="],
    ...["->", "lambda x:", "sum(", "count(*)", "$1", "#1", "$$", "select", "from", "t", "union", "where", "over ()"],
    ...[
      "filter (where a)",
      "case",
      "when",
      "end",
      "as",
      "in",
      "and",
      "not",
      "distinct",
      "order by",
      "unnest(",
      "::int",
    ],
  );
  const { expression } = fc.letrec<{ expression: string[] }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<string[]>(["a"], ["b"], ["1"], ["'x'"], ["count(*)"]),
      fc
        .tuple(tie("expression"), fc.constantFrom("+", ",", "and", "->"), tie("expression"))
        .map(([l, o, r]) => [...l, o, ...r]),
      fc.tuple(fc.constantFrom("(", "sum(", "abs("), tie("expression")).map(([open, inner]) => [open, ...inner, ")"]),
    ),
  }));
  /** Expressions, and near misses with some pieces put in the middle. */
  const soup = fc
    .tuple(expression, fc.array(fc.tuple(fc.nat(), pieces), { maxLength: 3 }))
    .map(([tokens, edits]) =>
      edits.reduce((all, [at, piece]) => all.toSpliced(at % (all.length + 1), 0, piece), tokens),
    )
    .map((tokens) => tokens.join(" "));

  it("is refused, or is one column wherever it is spliced, and runs nothing", async () => {
    const database = await openDatabase();
    const file = join(temporaryFolder(), "x.csv");
    await database.run(sql`create table t (a integer, b integer, x integer)`);
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(soup, fc.constantFrom("scalar" as const, "aggregate" as const), async (text, kind) => {
        const vetted = await vetExpression(database, text, "here", kind).catch((error) => {
          expect(error).toBeInstanceOf(InputError);
          return undefined;
        });
        if (!vetted) return;
        accepted += 1;
        const query = `select 'first' as one, ${vetted.sql} as own, 'last' as two from t where true`;
        expect(await database.statementCount(query)).toBe(1);
        const columns = await database.describe(raw(query)).catch(() => undefined);
        // what does not bind is told at its place when it is used
        if (columns) expect(columns.map(({ name }) => name)).toEqual(["one", "own", "two"]);
      }),
      { numRuns: 1500, examples: [[`1); copy (select 1) to '${file}'; select (1`, "scalar"]] },
    );
    expect(accepted).toBeGreaterThan(100);
    expect(existsSync(file)).toBe(false);
    expect(await database.row(sql`select count(*) as n from duckdb_tables()`)).toEqual({ n: 1 });
  });
});
