// Writes sim/gather-module.ts: node sim/make-gather.mjs
import { writeFileSync } from "node:fs";
import wabt from "wabt";

/**
 * Adds rows of n vectors of four 32-bit integers to sums that stay in registers: rows table + stride · order[i], for the 16-bit
 * numbers from `order` up to `end`.
 */
function gather(n) {
  const each = (write) => Array.from({ length: n }, (_, i) => write(i, 16 * i)).join("\n    ");
  return `
  (func (export "gather${n}") (param $table i32) (param $stride i32) (param $order i32) (param $end i32) (param $sums i32)
    ${each((i) => `(local $sum${i} v128)`)}
    (local $row i32)
    ${each((i, at) => `(local.set $sum${i} (v128.load offset=${at} (local.get $sums)))`)}
    (loop $next
      (local.set $row (i32.add (local.get $table) (i32.mul (local.get $stride) (i32.load16_u (local.get $order)))))
      ${each((i, at) => `(local.set $sum${i} (i32x4.add (local.get $sum${i}) (v128.load offset=${at} (local.get $row))))`)}
      (local.set $order (i32.add (local.get $order) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $order) (local.get $end))))
    ${each((i, at) => `(v128.store offset=${at} (local.get $sums) (local.get $sum${i}))`)})`;
}

const text = `(module (import "sums" "memory" (memory 1))${[1, 2, 3, 4, 5, 6, 7, 8].map(gather).join("")})`;
const { parseWat } = await wabt();
const { buffer } = parseWat("gather.wat", text, { simd: true }).toBinary({});

writeFileSync(
  new URL("gather-module.ts", import.meta.url),
  `/** WebAssembly of sim/make-gather.mjs, which writes this file. */
export const gatherModule =
  "${Buffer.from(buffer).toString("base64")}";
`,
);
