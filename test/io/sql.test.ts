import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { join, literal, name, raw, type Sql, type SqlValue, sql, textOf } from "../../io/sql.ts";
import { openDatabase } from "../support/database.ts";

const text = fc.string({ unit: "binary" });

interface Tree {
  readonly statement: Sql;
  readonly values: readonly number[];
}

describe("a value in a statement", () => {
  it("is a parameter, whatever text it is", async () => {
    const database = await openDatabase();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(text, fc.constantFrom("'; drop table x; --", "$1", "US$5", '"', "\\")),
        async (value) => {
          expect(await database.row(sql`select ${value} as v`)).toEqual({ v: value });
        },
      ),
    );
  });

  it.each<[SqlValue, string]>([
    [1, "1"],
    [1.5, "1.5"],
    [-(2 ** 40), "-1099511627776"],
    [9007199254740993n, "9007199254740993"],
    [true, "true"],
    [null, "null"],
  ])("keeps its type: %s", async (value, written) => {
    const database = await openDatabase();
    const { same } = await database.row<{ same: boolean }>(
      sql`select ${value} is not distinct from ${raw(written)} as same`,
    );
    expect(same).toBe(true);
  });
});

describe("a statement inside a statement", () => {
  /** Sums of values, spliced at any depth. */
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.integer({ min: 0, max: 999 }).map((value) => ({ statement: sql`${value}`, values: [value] })),
      fc.constant<Tree>({ statement: raw("0"), values: [] }),
      fc.tuple(tie("tree"), fc.integer({ min: 0, max: 999 }), tie("tree")).map(([a, value, b]) => ({
        statement: sql`(${a.statement} + ${value} + ${b.statement})`,
        values: [...a.values, value, ...b.values],
      })),
      fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((parts) => ({
        statement: sql`(${join(
          parts.map((part) => part.statement),
          " + ",
        )})`,
        values: parts.flatMap((part) => part.values),
      })),
    ),
  }));

  it("keeps its values, in the order in which they are written", async () => {
    const database = await openDatabase();
    await fc.assert(
      fc.asyncProperty(tree, async ({ statement, values }) => {
        expect(statement.values).toEqual(values);
        expect(textOf(statement).match(/\$\d+/g) ?? []).toEqual(values.map((_, i) => `$${i + 1}`));
        const { total } = await database.row<{ total: number }>(sql`select cast(${statement} as integer) as total`);
        expect(total).toBe(values.reduce((a, b) => a + b, 0));
      }),
    );
  });

  it("can be used twice", async () => {
    const database = await openDatabase();
    const one = sql`${"a"} || ${"b"}`;
    expect(await database.row(sql`select ${one} as x, ${"c"} as y, ${one} as z`)).toEqual({ x: "ab", y: "c", z: "ab" });
  });

  it("joins to nothing when there are no parts", () => {
    expect(textOf(sql`[${join([])}]`)).toBe("[]");
    expect(textOf(join([raw("a"), raw("b"), raw("c")]))).toBe("a, b, c");
  });
});

describe("a name", () => {
  it.each(["select", "a b", 'a"b', '"', "Ünï", "😀", "a.b", "1", "$1", "__proto__", ";--"])(
    "may be %j",
    async (identifier) => {
      const database = await openDatabase();
      await database.run(sql`create table ${name(identifier)} (${name(identifier)} integer)`);
      await database.run(sql`insert into ${name(identifier)} values (${7})`);
      const query = sql`select ${name(identifier)} from ${name(identifier)}`;
      expect(await database.describe(query)).toEqual([{ name: identifier, type: "INTEGER" }]);
      expect(await database.columns(query)).toEqual([[7]]);
    },
  );

  it("may be any text without a NUL, and a literal any such text", async () => {
    const database = await openDatabase();
    const identifier = fc.string({ unit: "binary", minLength: 1 }).filter((own) => !own.includes("\u0000"));
    await fc.assert(
      fc.asyncProperty(identifier, async (own) => {
        const [described] = await database.describe(sql`select ${literal(own)} as ${name(own)}`);
        expect(described?.name).toBe(own);
        expect(await database.row(sql`select ${literal(own)} as v`)).toEqual({ v: own });
      }),
    );
  });
});

describe("SQL that is already safe", () => {
  it("stays what it is, dollars included, beside parameters", async () => {
    const database = await openDatabase();
    const statement = sql`select ${raw("'$1 costs US$5'")} as a, ${"b"} as b, ${raw("$$c$$")} as c, ${"d"} as d`;
    expect(await database.row(statement)).toEqual({ a: "$1 costs US$5", b: "b", c: "c", d: "d" });
  });
});
