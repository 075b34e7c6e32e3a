import { gatherModule } from "./gather-module.ts";

/** Integers that are added in one step. */
export const lanes = 4;
export const bytesPerVector = 16;

/**
 * Memory, and what adds rows of it up. Addresses are bytes, multiples of 16 but for those of orders; rows are whole vectors of
 * four 32-bit integers, whose sums wrap beyond 2³¹.
 */
export interface Kernel {
  readonly integers: Int32Array;
  readonly shorts: Uint16Array;
  /** Adds the rows whose numbers are the `count` 16-bit ones from `order` on; `count` at least 1. */
  gather(table: number, vectors: number, order: number, count: number, sums: number): void;
}

/** A kernel in WebAssembly with 128-bit vectors, or the same in JavaScript; sums of integers are equal to the bit. */
export function createKernel(bytes: number, kind: "wasm" | "javascript" = "wasm"): Kernel {
  return kind === "wasm" ? wasmKernel(bytes) : javascriptKernel(bytes);
}

/** The part of WebAssembly that is used; TypeScript has it only together with a browser. */
interface WebAssemblyApi {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
}
const { Memory, Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;

const pageBytes = 65_536;
const mostVectors = 8;

type GatherRows = (table: number, stride: number, order: number, end: number, sums: number) => void;

function wasmKernel(bytes: number): Kernel {
  const memory = new Memory({ initial: Math.max(1, Math.ceil(bytes / pageBytes)) });
  const module = new Module(Buffer.from(gatherModule, "base64"));
  const { exports } = new Instance(module, { sums: { memory } });
  const rows = Array.from({ length: mostVectors + 1 }, (_, n) => exports[`gather${n}`] as GatherRows);
  return {
    integers: new Int32Array(memory.buffer),
    shorts: new Uint16Array(memory.buffer),
    gather(table, vectors, order, count, sums) {
      const stride = vectors * bytesPerVector;
      const end = order + 2 * count;
      for (let done = 0; done < vectors; done += mostVectors) {
        const at = done * bytesPerVector;
        (rows[Math.min(mostVectors, vectors - done)] as GatherRows)(table + at, stride, order, end, sums + at);
      }
    },
  };
}

function javascriptKernel(bytes: number): Kernel {
  const buffer = new ArrayBuffer(Math.ceil(bytes / bytesPerVector) * bytesPerVector);
  const integers = new Int32Array(buffer);
  const shorts = new Uint16Array(buffer);
  return {
    integers,
    shorts,
    gather(table, vectors, order, count, sums) {
      const width = vectors * lanes;
      const [from, into, first] = [table >> 2, sums >> 2, order >> 1];
      for (let i = first; i < first + count; i++) {
        const row = from + (shorts[i] as number) * width;
        for (let c = 0; c < width; c++) {
          integers[into + c] = ((integers[into + c] as number) + (integers[row + c] as number)) | 0;
        }
      }
    },
  };
}
