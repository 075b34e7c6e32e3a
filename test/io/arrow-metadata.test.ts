import { writeFileSync } from "node:fs";
import * as arrow from "apache-arrow";
import { describe, expect, it } from "vitest";
import { arrowSchema } from "../../io/arrow-reader.ts";
import { InputError } from "../../plan/input-error.ts";
import { boundaries, counted, field, ipc, written } from "../support/arrow.ts";
import { refusal } from "../support/refusal.ts";

describe("metadata that lie", () => {
  const stream = ipc("stream");
  const [, first = 0] = boundaries(stream);
  const schema = Uint8Array.from(stream.subarray(8, first));

  /** Positions of 32 bits whose value is a vector's length or an offset, as far as one can see. */
  const words = Array.from({ length: schema.length / 4 }, (_, i) => 4 * i);

  it("cannot make the reader go round for ever or claim memory that is not there, wherever a word is changed", async () => {
    const file = written(stream);
    for (const value of [0x7fffffff, 0x10000000, 0, 4]) {
      for (const at of words) {
        const bytes = Buffer.from(stream);
        bytes.writeInt32LE(value, 8 + at);
        writeFileSync(file, bytes);
        await arrowSchema(file).catch((error) => expect(error).toBeInstanceOf(InputError));
      }
    }
  });

  it("cannot share tables so that sixty of them count as 2⁶⁰", async () => {
    const file = written(streamOf(sharedFields(50)));
    expect(await refusal(() => arrowSchema(file))).toMatch(/more tables than they have room for/);
  });

  it("cannot nest types so deeply that DuckDB would fail on them", async () => {
    const nested = (depth: number): arrow.DataType =>
      depth === 0 ? new arrow.Int32() : new arrow.List(field("item", nested(depth - 1)));
    const schema = (depth: number) => arrow.Message.from(new arrow.Schema([field("deep", nested(depth))]));
    expect(await refusal(() => arrowSchema(written(streamOf(arrow.Message.encode(schema(70))))))).toMatch(
      /its types are nested too deeply/,
    );
    expect((await arrowSchema(written(streamOf(arrow.Message.encode(schema(20)))))).fields).toHaveLength(1);
  });

  it("cannot claim more rows than their bytes can hold", async () => {
    const table = new arrow.Table({ nothing: arrow.vectorFromArray([null, null], new arrow.Null()) });
    const bytes = ipc("stream", table);
    const [, records = 0] = boundaries(bytes);
    const file = written(bytes);
    expect(await counted(file)).toBe(2);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = records; at < bytes.length - 8; at += 8) {
      if (view.getBigInt64(at, true) === 2n) view.setBigInt64(at, 2n ** 40n, true);
    }
    writeFileSync(file, bytes);
    expect(await refusal(() => counted(file))).toMatch(/it would hold 1099511627776 values, \d+ missing, in 0 bytes/);
  });
});

/** A stream of nothing but a schema. */
function streamOf(metadata: Uint8Array): Uint8Array {
  const prefix = Buffer.alloc(8, 255);
  prefix.writeInt32LE(metadata.length, 4);
  return Buffer.concat([prefix, metadata, Buffer.from([255, 255, 255, 255, 0, 0, 0, 0])]);
}

/** A schema whose field has twice the same child, which has twice the same child, and so on. */
function sharedFields(levels: number): Uint8Array {
  const bytes = Buffer.alloc(72 + 20 * (levels + 2));
  const shorts = (at: number, ...values: number[]) => {
    values.forEach((value, i) => {
      bytes.writeUInt16LE(value, at + 2 * i);
    });
    return at;
  };
  // slots of a message (its header and the header's type), of a schema (its fields) and of a field (its children)
  const message = shorts(4, 14, 12, 0, 8, 4, 0, 0);
  const schema = shorts(20, 8, 8, 0, 4);
  const fieldSlots = shorts(28, 16, 8, 0, 0, 0, 0, 0, 4);
  const table = (at: number, slots: number, target: number) => {
    bytes.writeInt32LE(at - slots, at);
    bytes.writeUInt32LE(target - at - 4, at + 4);
  };
  bytes.writeUInt32LE(48, 0);
  table(48, message, 60);
  bytes[56] = 1;
  table(60, schema, 68);
  for (let level = 0, at = 68; level <= levels; level++, at += 20) {
    bytes.writeUInt32LE(level === levels ? 0 : 2, at);
    if (level === levels) break;
    bytes.writeUInt32LE(8, at + 4);
    bytes.writeUInt32LE(4, at + 8);
    table(at + 12, fieldSlots, at + 20);
  }
  return bytes;
}
