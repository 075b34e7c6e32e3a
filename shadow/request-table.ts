import type { DataType, RecordBatch } from "apache-arrow";
import type { Requests } from "./requests.ts";

/** Types of the requests' members over the whole traffic, so that every batch has the same columns. */
export type RequestSchema =
  | { readonly kind: "text" }
  | { readonly kind: "object"; readonly members: readonly { readonly name: string; readonly type: MemberType }[] };

/** `json`: the JSON text of a nested or mixed member. */
export type MemberType = "boolean" | "number" | "text" | "json";

/** The types of the requests' members, from what DuckDB's json_group_structure says of all requests. */
export function requestSchema(structure: unknown): RequestSchema {
  if (structure === null || typeof structure !== "object" || Array.isArray(structure)) return { kind: "text" };
  const members = Object.entries(structure).map(([name, type]) => ({ name, type: memberType(type) }));
  return { kind: "object", members };
}

function memberType(type: unknown): MemberType {
  if (type === "BOOLEAN") return "boolean";
  if (type === "UBIGINT" || type === "BIGINT" || type === "HUGEINT" || type === "DOUBLE") return "number";
  return type === "VARCHAR" || type === "NULL" ? "text" : "json";
}

/**
 * Some rows as an Arrow record batch: session (utf8), seq (int32), at (timestamp in ms) and request: a struct of the requests'
 * members, or utf8 when requests are no objects: texts as they are, anything else as its JSON text. A member that a request
 * lacks is null, and so is a request that is missing.
 */
export async function requestTable(
  { session, starts, at, request }: Requests,
  rows: readonly number[],
  schema: RequestSchema,
): Promise<RecordBatch> {
  // a quarter of a second to load: only for the policies that ask for it
  const arrow = await import("apache-arrow");
  const sessionOf = new Int32Array(starts.at(-1) as number);
  for (let i = 0; i < session.length; i++) sessionOf.fill(i, starts[i], starts[i + 1]);
  const column = <T extends DataType>(type: T, values: readonly unknown[]) => {
    const vector = arrow.vectorFromArray(values as never[], type);
    return arrow.makeVector(vector.data).data[0] as (typeof vector.data)[number];
  };
  const values = rows.map((row) => (request[row] === "" ? null : JSON.parse(request[row] as string)));
  const types = {
    boolean: new arrow.Bool(),
    number: new arrow.Float64(),
    text: new arrow.Utf8(),
    json: new arrow.Utf8(),
  };
  const asked = () => {
    if (schema.kind === "text") {
      return column(
        new arrow.Utf8(),
        values.map((value) => (value === null || typeof value === "string" ? value : JSON.stringify(value))),
      );
    }
    const fields = schema.members.map(({ name, type }) => new arrow.Field(name, types[type], true));
    const children = schema.members.map(({ name, type }) =>
      column(
        types[type],
        values.map((value) => memberOf(value, name, type)),
      ),
    );
    const there = column(
      types.boolean,
      values.map((value) => value !== null && typeof value === "object"),
    );
    return arrow.makeData({
      type: new arrow.Struct(fields),
      length: rows.length,
      nullBitmap: there.values,
      children,
    } as never);
  };
  const columns = {
    session: column(
      new arrow.Utf8(),
      rows.map((row) => session[sessionOf[row] as number]),
    ),
    seq: column(
      new arrow.Int32(),
      rows.map((row) => row - (starts[sessionOf[row] as number] as number)),
    ),
    at: column(
      new arrow.TimestampMillisecond(),
      rows.map((row) => at[row]),
    ),
    request: asked(),
  };
  const fields = Object.entries(columns).map(([name, data]) => new arrow.Field(name, data.type, true));
  const struct = new arrow.Struct(fields);
  const data = arrow.makeData({
    type: struct,
    length: rows.length,
    nullCount: 0,
    children: Object.values(columns),
  } as never);
  return new arrow.RecordBatch(new arrow.Schema(fields), data as never);
}

function memberOf(request: unknown, name: string, type: MemberType): unknown {
  if (request === null || typeof request !== "object" || !Object.hasOwn(request, name)) return null;
  const value = (request as Readonly<Record<string, unknown>>)[name] ?? null;
  return value !== null && type === "json" ? JSON.stringify(value) : value;
}
