import { viewOf } from "./file-bytes.ts";

/**
 * Follows every table and vector of a flatbuffer, so that none is longer than its bytes and no table has more than its own
 * parent: the decoder would go through two billion fields that are not there, or for ever through two that are.
 *
 * @throws RangeError for metadata that are damaged, and for types that are nested more than some sixty times
 */
export function requireTables(metadata: Uint8Array, root: string): void {
  const view = viewOf(metadata);
  let left = metadata.length / 4;
  const follow = (table: string, at: number, depth: number): void => {
    left -= 1;
    if (left < 0) throw new RangeError("its metadata hold more tables than they have room for");
    if (depth > 64) throw new RangeError("its types are nested too deeply");
    for (const [number, kind] of Object.entries(tables[table] ?? {})) {
      const slot = slotOf(view, at, Number(number));
      if (slot === undefined) continue;
      const target = slot + view.getUint32(slot, true);
      if (typeof kind === "string") {
        // a union's slot stands behind that of its type
        const type = kind === "Header" ? slotOf(view, at, Number(number) - 1) : undefined;
        follow(type === undefined ? kind : (headers[view.getUint8(type)] ?? kind), target, depth + 1);
        continue;
      }
      const count = view.getUint32(target, true);
      const bytes = typeof kind === "number" ? kind : 4;
      if (target + 4 + count * bytes > view.byteLength) throw new RangeError(`its metadata claim ${count} entries`);
      if (typeof kind === "number") continue;
      for (let i = target + 4; i < target + 4 + 4 * count; i += 4)
        follow(kind[0], i + view.getUint32(i, true), depth + 1);
    }
  };
  follow(root, view.getUint32(0, true), 0);
}

/**
 * The tables of the format by their slots, where a slot leads to tables or vectors; numbers and texts are left out. An array
 * is a vector of tables, a number a vector of elements of that many bytes.
 *
 * Source: https://github.com/apache/arrow/tree/main/format, Message.fbs, Schema.fbs, File.fbs
 */
const tables: Readonly<Record<string, Readonly<Record<number, string | readonly [string] | number>>>> = {
  Footer: { 1: "Schema", 2: 24, 3: 24, 4: ["KeyValue"] },
  Message: { 2: "Header", 4: ["KeyValue"] },
  Schema: { 1: ["Field"], 2: ["KeyValue"], 3: 8 },
  DictionaryBatch: { 1: "RecordBatch" },
  RecordBatch: { 1: 16, 2: 16, 4: 8 },
  Field: { 5: ["Field"], 6: ["KeyValue"] },
};

const headers: Readonly<Record<number, string>> = { 1: "Schema", 2: "DictionaryBatch", 3: "RecordBatch" };

/** @param schema metadata of a schema's message, after {@link requireTables} */
export function isBigEndian(schema: Uint8Array): boolean {
  const view = viewOf(schema);
  const header = slotOf(view, view.getUint32(0, true), 2) as number;
  const endianness = slotOf(view, header + view.getUint32(header, true), 0);
  return endianness !== undefined && view.getInt16(endianness, true) === 1;
}

/** Where a table's slot lies, or undefined when it is left out. */
function slotOf(view: DataView, table: number, number: number): number | undefined {
  const slots = table - view.getInt32(table, true);
  const entry = 4 + 2 * number;
  const offset = entry < view.getUint16(slots, true) ? view.getUint16(slots + entry, true) : 0;
  return offset === 0 ? undefined : table + offset;
}
