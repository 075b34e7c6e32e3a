import { join } from "node:path";
import * as arrow from "apache-arrow";
import { FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import { describe, expect, it } from "vitest";
import { arrowSchema } from "../../io/arrow-reader.ts";
import { batchesOf, boundaries, counted, exampleTable, ipc, rowsOf, written } from "../support/arrow.ts";
import { temporaryFolder } from "../support/folders.ts";
import { refusal } from "../support/refusal.ts";

describe("a stream", () => {
  it("is refused when bytes follow its end, as those of another stream", async () => {
    const [one, two] = [ipc("stream"), ipc("stream")];
    expect(await refusal(() => counted(written(Buffer.concat([one, two]))))).toMatch(
      /has \d+ bytes after the end of its stream; give each stream a file of its own/,
    );
    expect(await refusal(() => counted(written(Buffer.concat([one.subarray(0, -8), two]))))).toMatch(
      /holds several streams; /,
    );
  });
});

describe("a file", () => {
  const records = ({ kind }: Part) => kind === arrow.MessageHeader.RecordBatch;

  it("may have its dictionaries behind the records that use them", async () => {
    const { schema, parts } = partsOf(ipc("stream"));
    const file = fileOf(schema, [...parts.filter(records), ...parts.filter((part) => !records(part))]);
    expect((await batchesOf(written(file))).flat()).toEqual(rowsOf(exampleTable()));
  });

  it("is refused when its footer lists fewer batches than it holds: rows would be missing without a word", async () => {
    const { schema, parts } = partsOf(ipc("stream"));
    expect(await refusal(() => counted(written(fileOf(schema, parts, parts.slice(0, -1)))))).toMatch(
      /its footer lists other record batches than it holds; /,
    );
  });

  it("is refused when it replaces a dictionary: which records would the first one have been for?", async () => {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 0);
    const batches = ["a", "b"].map((own) => new arrow.Table({ d: arrow.vectorFromArray([own], type) }).batches[0]);
    const { schema, parts } = partsOf(ipc("stream", batches as arrow.RecordBatch[]));
    expect(await refusal(() => counted(written(fileOf(schema, parts))))).toMatch(
      /replaces a dictionary, as only a stream may; /,
    );
  });

  it("is refused when its footer has another schema than its start", async () => {
    const [one, two] = ["a", "b"].map((own) =>
      partsOf(ipc("stream", new arrow.Table({ [own]: new arrow.Vector(ints) }))),
    );
    if (!one || !two) throw new Error("two streams");
    const file = fileOf(two.schema, [one.head, ...one.parts], one.parts);
    expect(await refusal(() => counted(written(file)))).toMatch(/has one schema at its start and another one in its /);
  });
});

const ints = [arrow.makeData({ type: new arrow.Int32(), length: 2, nullCount: 0, data: Int32Array.of(1, 2) })];

interface Part {
  readonly kind: arrow.MessageHeader;
  readonly bytes: Uint8Array;
  readonly bodyLength: number;
}

/** The messages of a stream. */
function partsOf(stream: Uint8Array): { schema: arrow.Schema; head: Part; parts: Part[] } {
  const cuts = boundaries(stream);
  const all = cuts.slice(1).map((end, i): Part => {
    const bytes = stream.subarray(cuts[i], end);
    const { headerType, bodyLength } = arrow.Message.decode(bytes.subarray(8));
    return { kind: headerType, bytes, bodyLength };
  });
  const [head, ...parts] = all as [Part, ...Part[]];
  return { schema: arrow.Message.decode(head.bytes.subarray(8)).header() as unknown as arrow.Schema, head, parts };
}

/** A file of messages, with a footer that lists some of them. */
function fileOf(schema: arrow.Schema, parts: readonly Part[], listed: readonly Part[] = parts): Uint8Array {
  let at = 8;
  const blocks = parts.flatMap((part) => {
    const { kind, bytes, bodyLength } = part;
    const block = new FileBlock(bytes.length - bodyLength, bodyLength, at);
    at += bytes.length;
    return listed.includes(part) ? [{ kind, block }] : [];
  });
  const of = (kind: arrow.MessageHeader) => blocks.filter((own) => own.kind === kind).map(({ block }) => block);
  const { RecordBatch, DictionaryBatch } = arrow.MessageHeader;
  const footer = Footer.encode(new Footer(schema, arrow.MetadataVersion.V5, of(RecordBatch), of(DictionaryBatch)));
  const length = Buffer.alloc(4);
  length.writeInt32LE(footer.length);
  const end = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);
  const bodies = parts.map(({ bytes }) => bytes);
  return Buffer.concat([Buffer.from("ARROW1\0\0"), ...bodies, end, footer, length, Buffer.from("ARROW1")]);
}

describe("what is no Arrow file is refused:", () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ["an empty one", "", /is empty; /],
    ["a few bytes", "AR", /is no Arrow file or stream/],
    ["a magic only", "ARROW1", /is cut off: its footer is missing; /],
    ["two magics", "ARROW1\0\0ARROW1", /is cut off: its footer is missing; /],
    ["two magics without a footer", "ARROW1\0\0\0\0\0\0ARROW1", /its footer is damaged \(it takes 0 bytes\); /],
    ["text", "session,user\n1,2\n", /is no Arrow file or stream, or its start is damaged .*; check that its name says/],
    ["zeros", new Uint8Array(1000), /is no Arrow file or stream/],
    ["Parquet", "PAR1 and so on", /is a Parquet file; call it \.parquet/],
    ["Feather of version 1", "FEA1 and so on", /is Feather version 1, which is not Arrow; /],
    ["an end mark only", Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0), /it does not begin with a schema/],
  ])("%s", async (_, content, message) => {
    const file = written(Buffer.from(content));
    expect(await refusal(() => counted(file))).toMatch(message);
    expect(await refusal(() => arrowSchema(file))).toMatch(message);
  });

  it("a folder and what is not there", async () => {
    const folder = temporaryFolder();
    expect(await refusal(() => counted(folder))).toMatch(/is a folder; |is empty; /);
    expect(await refusal(() => counted(join(folder, "no.arrow")))).toMatch(/no\.arrow: no such file; /);
  });
});
