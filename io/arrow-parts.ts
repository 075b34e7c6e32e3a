import type * as arrow from "apache-arrow";
import { InputError } from "../plan/input-error.ts";
import { attempt } from "./arrow-damage.ts";
import { nodesOf } from "./arrow-layout.ts";
import type { Message } from "./arrow-messages.ts";

/** A message of records or of a dictionary, as an outline keeps it. */
export interface Part {
  readonly kind: arrow.MessageHeader;
  readonly at: number;
  readonly rows: number;
  /** id of a dictionary that is new and does not add to another one */
  readonly dictionary: number | undefined;
}

/**
 * The records or the dictionary of a message, if its metadata can be true of its body.
 *
 * @throws InputError for a message that is compressed, does not fit the schema or claims more than its body has room for
 */
export function partOf(file: string, { content, at, bodyAt, next }: Message, schema: arrow.Schema): Promise<Part> {
  return attempt(file, `the message at byte ${at}`, () => {
    const { header, batch, types } = batchOf(content, schema);
    const codec = content?.metadata.get("ARROW:experimental_compression") ?? codecs[batch.compression?.type ?? -1];
    if (batch.compression !== null || codec !== undefined) {
      throw new InputError(
        file,
        `its record batches are compressed with ${codec ?? "an unknown codec"}`,
        'write it with compression="uncompressed" (to_feather of pandas, pyarrow, polars), or as Parquet',
      );
    }
    const body = next - bodyAt;
    const most = Math.max(8 * body, nullsPerBatch);
    for (const { length, nullCount } of batch.nodes) {
      if (!(-1 <= nullCount && nullCount <= length && 0 <= length && length <= most))
        throw new RangeError(`it would hold ${length} values, ${nullCount} missing, in ${body} bytes`);
    }
    for (const { offset, length } of batch.buffers) {
      if (!(0 <= offset && 0 <= length && offset + length <= body)) throw new RangeError("a buffer leads outside");
    }
    const nodes = nodesOf(types, batch.variadicBufferCounts);
    if (nodes.length !== batch.nodes.length) throw new RangeError("it does not fit the schema");
    if (nodes.some(({ column }, i) => column && batch.nodes[i]?.length !== batch.length))
      throw new RangeError("its columns differ in length");
    const dictionary = "isDelta" in header && !header.isDelta ? header.id : undefined;
    return { kind: (content as arrow.Message).headerType, at, rows: batch.length, dictionary };
  });
}

const codecs = ["LZ4", "ZSTD"];

/** A value takes at least a bit, save in columns of type null, which may claim any number of rows. */
const nullsPerBatch = 1 << 20;

/**
 * What a message holds, and the types of its columns; a dictionary is one column.
 *
 * @throws RangeError for a message of another kind, and for a dictionary that no column has
 */
export function batchOf(content: arrow.Message | undefined, schema: arrow.Schema) {
  if (content?.isRecordBatch()) {
    const header = content.header();
    return { header, batch: header, types: schema.fields.map(({ type }) => type) };
  }
  if (!content?.isDictionaryBatch()) throw new RangeError("it holds no records");
  const header = content.header();
  const type = schema.dictionaries.get(header.id);
  if (!type) throw new RangeError(`no column has the dictionary ${header.id}`);
  return { header, batch: header.data, types: [type] };
}
