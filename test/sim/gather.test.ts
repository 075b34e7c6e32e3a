import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesPerVector, createKernel, lanes } from "../../sim/gather.ts";
import { repository } from "../support/folders.ts";

const rows = 40;

/** A table, an order and where the sums go, one after the other. */
function places(vectors: number) {
  const table = bytesPerVector;
  const order = table + rows * vectors * bytesPerVector;
  const sums = order + 16 * Math.ceil((2 * rows) / 16);
  return { table, order, sums, bytes: sums + vectors * bytesPerVector };
}

const cases = fc.integer({ min: 1, max: 19 }).chain((vectors) =>
  fc.record({
    vectors: fc.constant(vectors),
    values: fc.array(fc.integer(), { minLength: rows * vectors * lanes, maxLength: rows * vectors * lanes }),
    before: fc.array(fc.integer(), { minLength: vectors * lanes, maxLength: vectors * lanes }),
    order: fc.array(fc.nat(rows - 1), { minLength: 1, maxLength: rows }),
  }),
);

describe("the gather kernel", () => {
  it.each(["wasm", "javascript"] as const)("adds the rows of an order to the sums, modulo 2³² (%s)", (kind) => {
    fc.assert(
      fc.property(cases, ({ vectors, values, before, order }) => {
        const at = places(vectors);
        const kernel = createKernel(at.bytes, kind);
        kernel.integers.set(values, at.table / 4);
        kernel.integers.set(before, at.sums / 4);
        kernel.shorts.set(order, at.order / 2);
        kernel.gather(at.table, vectors, at.order, order.length, at.sums);
        const width = vectors * lanes;
        const wanted = before.map((own, c) =>
          order.reduce((sum, row) => (sum + (values[row * width + c] as number)) | 0, own),
        );
        expect([...kernel.integers.subarray(at.sums / 4, at.sums / 4 + width)]).toEqual(wanted);
        expect([...kernel.integers.subarray(at.table / 4, at.table / 4 + values.length)]).toEqual(values);
      }),
    );
  });

  it("is the WebAssembly that its source makes", () => {
    const folder = mkdtempSync(join(tmpdir(), "foretaste-gather-"));
    try {
      symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
      cpSync(join(repository, "sim/make-gather.mjs"), join(folder, "make-gather.mjs"));
      execFileSync(process.execPath, [join(folder, "make-gather.mjs")]);
      const name = "gather-module.ts";
      const bytes = (file: string) => /"([A-Za-z0-9+/=]+)"/.exec(readFileSync(file, "utf8"))?.[1];
      expect(bytes(join(repository, "sim", name))).toBe(bytes(join(folder, name)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
