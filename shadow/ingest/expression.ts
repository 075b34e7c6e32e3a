import { type Database, SqlError } from "../../io/duckdb.ts";
import { literal, sql } from "../../io/sql.ts";
import { InputError } from "../../plan/input-error.ts";

/** A SQL expression from a file that is safe to splice, and the columns that it reads. */
export interface Vetted {
  readonly sql: string;
  readonly columns: readonly string[];
}

/**
 * Checks that a text is exactly one scalar (or aggregate) expression over the columns of a row (or of a session).
 *
 * Neither DESCRIBE nor a prepared statement refuses `1; copy …`, two columns, a subquery or random(); so the parser is
 * asked how many statements there are, and the parsed tree is walked.
 *
 * @param place where the expression stands, for the message
 * @throws InputError for a statement, several expressions, a subquery, window, parameter, star, an aggregate where a
 *   scalar is wanted, a scalar where an aggregate is wanted, and functions that are not reproducible
 */
export async function vetExpression(
  database: Database,
  text: string,
  place: string,
  kind: "scalar" | "aggregate",
): Promise<Vetted> {
  const wanted =
    kind === "scalar" ? "one expression over the columns of a row" : "one aggregate over a session's observations";
  const refuse = (problem: string): never => {
    throw new InputError(place, `${JSON.stringify(text)} ${problem}`, `write ${wanted}`);
  };
  const count = await database.statementCount(`select (${text}\n)`).catch((error: Error) => {
    return refuse(`is not a SQL expression (${firstLine(error.message)})`);
  });
  if (count !== 1) refuse(`holds ${count} statements`);
  // inside parentheses `1, 2` is one row and `1) + (2` one sum, inside brackets they are two values and an error
  const tree = await serialized(database, `select [${text}\n]`, refuse);
  const [list] = tree.select_list as [{ function_name?: string; children?: unknown[] }];
  if (!isBareSelect(tree) || list.function_name !== "list_value" || list.children?.length !== 1)
    return refuse("is more than one expression");
  const functions = await functionKinds(database);
  const found = walk(list.children[0], functions, refuse, new Set());
  if (kind === "scalar" && found.aggregates > 0) refuse("is an aggregate");
  if (kind === "aggregate" && found.aggregates === 0) refuse("is not an aggregate");
  return { sql: `(${text}\n)`, columns: [...found.columns] };
}

interface SelectNode {
  readonly select_list: readonly unknown[];
  readonly from_table: { readonly type: string } | null;
  readonly [clause: string]: unknown;
}

async function serialized(
  database: Database,
  statement: string,
  refuse: (problem: string) => never,
): Promise<SelectNode> {
  try {
    const { tree } = await database.row<{ tree: string }>(
      sql`select json_serialize_sql(${literal(statement)}) as tree`,
    );
    const parsed = JSON.parse(tree);
    if (parsed.error) return refuse(`is not a SQL expression (${parsed.error_message})`);
    return parsed.statements[0].node;
  } catch (error) {
    if (error instanceof SqlError) return refuse(`is not a SQL expression (${error.problem})`);
    throw error;
  }
}

function isBareSelect(node: SelectNode): boolean {
  const empty = (value: unknown): boolean =>
    value === null ||
    value === undefined ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === "object" && Object.values(value as object).every(empty));
  return (
    node.type === "SELECT_NODE" &&
    node.select_list.length === 1 &&
    (node.from_table === null || node.from_table.type === "EMPTY") &&
    ["where_clause", "group_expressions", "group_sets", "having", "qualify", "sample", "modifiers", "cte_map"].every(
      (clause) => empty(node[clause]),
    )
  );
}

/** Their second argument; elsewhere `a -> b`, which parses as a lambda, reads JSON. */
const takesLambda = /^((list|array)_)?(transform|apply|filter|reduce)$/;

interface FunctionKinds {
  readonly aggregates: ReadonlySet<string>;
  readonly unstable: ReadonlySet<string>;
}

const kindsOf = new WeakMap<Database, Promise<FunctionKinds>>();

function functionKinds(database: Database): Promise<FunctionKinds> {
  const known = kindsOf.get(database);
  if (known) return known;
  const asked = database
    .rows<{ name: string; aggregate: boolean; unstable: boolean }>(sql`
      select
        function_name as name,
        bool_or(function_type = 'aggregate' or regexp_matches(macro_definition, '\\b(sum|avg|geomean|weighted_avg)\\('))
          as aggregate,
        bool_or(coalesce(stability, 'CONSISTENT') <> 'CONSISTENT' or contains(macro_definition, 'current_timestamp'))
          as unstable
      from duckdb_functions()
      group by function_name`)
    .then((rows) => ({
      aggregates: new Set(rows.filter((row) => row.aggregate).map((row) => row.name)),
      unstable: new Set(rows.filter((row) => row.unstable).map((row) => row.name)),
    }));
  kindsOf.set(database, asked);
  return asked;
}

interface Found {
  readonly columns: Set<string>;
  aggregates: number;
}

function walk(
  root: unknown,
  { aggregates, unstable }: FunctionKinds,
  refuse: (problem: string) => never,
  outer: ReadonlySet<string>,
): Found {
  const found: Found = { columns: new Set(), aggregates: 0 };
  const refused: Readonly<Record<string, string>> = {
    SUBQUERY: "has a subquery",
    WINDOW: "has a window function",
    STAR: "has a *",
    PARAMETER: "has a parameter",
    POSITIONAL_REFERENCE: "names a column by its position",
  };
  const visit = (node: unknown, parameters: ReadonlySet<string>): void => {
    if (Array.isArray(node)) {
      for (const child of node) visit(child, parameters);
      return;
    }
    if (node === null || typeof node !== "object") return;
    const part = node as Record<string, unknown>;
    const problem = refused[part.class as string];
    // count(*) is a function of its own and has no star
    if (problem) refuse(problem);
    if (part.class === "COLUMN_REF") {
      const [first = ""] = part.column_names as string[];
      if (!parameters.has(first)) found.columns.add(first);
      return;
    }
    if (part.class === "FUNCTION") {
      const called = (part.function_name as string).toLowerCase();
      if (called === "unnest" || called === "unlist") refuse("unnests");
      if (unstable.has(called)) refuse(`calls ${called}(), which is not reproducible`);
      if (aggregates.has(called)) found.aggregates += 1;
      if (takesLambda.test(called)) {
        for (const [i, child] of (part.children as Record<string, unknown>[]).entries()) {
          const lambda = i === 1 && child.class === "LAMBDA";
          visit(
            lambda ? child.expr : child,
            lambda ? new Set([...parameters, ...lambdaParameters(child.lhs)]) : parameters,
          );
        }
        return;
      }
    }
    for (const child of Object.values(part)) visit(child, parameters);
  };
  visit(root, outer);
  return found;
}

function lambdaParameters(lhs: unknown): string[] {
  const node = lhs as { column_names?: string[]; children?: unknown[] } | null;
  return [...(node?.column_names ?? []), ...(node?.children ?? []).flatMap(lambdaParameters)];
}

function firstLine(text: string): string {
  return (text.split("\n")[0] as string).replace(/^.*?[A-Za-z]+ Error: /, "");
}
