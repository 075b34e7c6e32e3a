import * as arrow from "apache-arrow";
import { hasOffsets, isView } from "./arrow-layout.ts";
import { viewOf } from "./file-bytes.ts";

/** @throws RangeError for a column whose offsets, views or indices lead outside of its buffers */
export function requireSound(data: arrow.Data, column: string, sound: WeakSet<arrow.Data>): void {
  const { type, length, children } = data;
  if (arrow.DataType.isNull(type)) return;
  const ensure = (holds: boolean, problem: string) => {
    if (!holds) throw new RangeError(`${column}: ${problem}`);
  };
  const values = (data.values as ArrayLike<unknown> | undefined)?.length ?? 0;
  if (data.nullCount > 0) ensure(8 * data.nullBitmap.length >= length, "its null bitmap is too short");
  if (hasOffsets(type)) {
    const limit = children[0]?.length ?? values;
    ensure(areOffsets(data.valueOffsets, length, limit), "its offsets lead outside");
  } else if (arrow.DataType.isBool(type)) {
    ensure(8 * values >= length, "it is too short");
  } else if (isView(type)) {
    ensure(values >= 16 * length && areViews(data), "its views lead outside");
  } else if (arrow.DataType.isFixedSizeList(type)) {
    ensure(type.listSize >= 0 && (children[0]?.length ?? 0) >= length * type.listSize, "its lists are too short");
  } else if (arrow.DataType.isStruct(type)) {
    ensure(
      children.every((child) => child.length >= length),
      "its fields are too short",
    );
  } else if (arrow.DataType.isUnion(type)) {
    ensure(false, "unions are not read");
  } else {
    ensure(data.stride >= 0 && values >= length * data.stride, "it is too short");
  }
  if (arrow.DataType.isDictionary(type)) {
    const { dictionary } = data;
    ensure(dictionary !== undefined && areIndices(data, dictionary.length), "its indices lead outside its dictionary");
    for (const chunk of dictionary?.data ?? []) {
      if (!sound.has(chunk)) requireSound(chunk, column, sound);
      sound.add(chunk);
    }
  }
  children.forEach((child, i) => {
    requireSound(child, `${column}.${type.children?.[i]?.name}`, sound);
  });
}

function areOffsets(offsets: Int32Array | BigInt64Array, length: number, limit: number): boolean {
  if (length === 0) return true;
  if (offsets.length <= length || Number(offsets[0]) < 0 || Number(offsets[length]) > limit) return false;
  for (let i = 0; i < length; i++) {
    if ((offsets[i] as number) > (offsets[i + 1] as number)) return false;
  }
  return true;
}

/** A view is a length and twelve bytes: the value itself if it fits, else its buffer and offset behind four bytes of it. */
function areViews(data: arrow.Data): boolean {
  const views = viewOf(data.values as Uint8Array);
  for (let i = 0; i < data.length; i++) {
    if (!data.getValid(i)) continue;
    const size = views.getInt32(16 * i, true);
    if (size < 0) return false;
    if (size <= 12) continue;
    const buffer = data.variadicBuffers[views.getInt32(16 * i + 8, true)];
    const offset = views.getInt32(16 * i + 12, true);
    if (!buffer || offset < 0 || offset + size > buffer.length) return false;
  }
  return true;
}

function areIndices(data: arrow.Data, limit: number): boolean {
  const indices = data.values as ArrayLike<number | bigint>;
  for (let i = 0; i < data.length; i++) {
    const index = indices[i] as number | bigint;
    if ((index < 0 || index >= limit) && data.getValid(i)) return false;
  }
  return true;
}
