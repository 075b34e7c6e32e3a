type TypedArray = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array;

/** An array on memory that threads share. */
export function shared<T extends TypedArray>(
  kind: { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  length: number,
): T {
  return new kind(new SharedArrayBuffer(length * kind.BYTES_PER_ELEMENT));
}

/** A copy on memory that threads share. */
export function copyShared<T extends TypedArray>(
  kind: { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  values: T,
): T {
  const copy = shared(kind, values.length);
  copy.set(values);
  return copy;
}
