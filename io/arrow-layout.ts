import * as arrow from "apache-arrow";

/** A column, or a part of one that has rows and missing values of its own. */
export interface Node {
  /** whether it is a column, or else a part of one */
  readonly column: boolean;
  /** its null bitmap's place among the buffers, undefined for a type that has none */
  readonly bitmap: number | undefined;
}

/**
 * The nodes of columns, each before its children, in the order of a message.
 *
 * @param variadicBufferCounts of each column of views: how many buffers lie behind its views
 *
 * Source: https://arrow.apache.org/docs/format/Columnar.html, Buffer Listing for Each Layout, RecordBatch message
 */
export function nodesOf(types: readonly arrow.DataType[], variadicBufferCounts: readonly number[]): Node[] {
  const nodes: Node[] = [];
  let buffers = 0;
  let views = 0;
  const add = (type: arrow.DataType, column: boolean) => {
    nodes.push({ column, bitmap: arrow.DataType.isNull(type) ? undefined : buffers });
    buffers += buffersOf(type);
    if (isView(type)) buffers += variadicBufferCounts[views++] ?? 0;
    if (arrow.DataType.isDictionary(type)) return;
    for (const child of (type.children ?? []) as readonly arrow.Field[]) add(child.type, false);
  };
  for (const type of types) add(type, true);
  return nodes;
}

function buffersOf(type: arrow.DataType): number {
  if (arrow.DataType.isNull(type)) return 0;
  if (arrow.DataType.isStruct(type) || arrow.DataType.isFixedSizeList(type)) return 1;
  return hasOffsets(type) && !type.children?.length ? 3 : 2;
}

/** Texts or bytes that lie in any of several buffers. */
export function isView(type: arrow.DataType): boolean {
  return arrow.DataType.isUtf8View(type) || arrow.DataType.isBinaryView(type);
}

/** Values of any length, each from one offset to the next. */
export function hasOffsets(type: arrow.DataType): boolean {
  const { isUtf8, isLargeUtf8, isBinary, isLargeBinary, isList, isLargeList, isMap } = arrow.DataType;
  return [isUtf8, isLargeUtf8, isBinary, isLargeBinary, isList, isLargeList, isMap].some((is) => is(type));
}
