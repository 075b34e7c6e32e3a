import { normalUpperTail } from "../distributions.ts";
import { gaussLegendre } from "../quadrature.ts";

/**
 * The sub-density of Z at a look among the paths that have not stopped before, on the nodes of a quadrature: the mass at a
 * node is density × weight.
 */
export interface SubDensity {
  readonly information: number;
  readonly nodes: Float64Array;
  readonly mass: Float64Array;
}

/** A look of a process with Z ~ N(drift·√information, 1) and independent increments of Z·√information. */
export interface Look {
  readonly information: number;
  /** of the look after it, which tells how fine the nodes must lie; undefined at the last */
  readonly next: number | undefined;
  /** per √information */
  readonly drift: number;
}

/** Continuation goes on between the two; either may be infinite. */
export interface Continuation {
  readonly lower: number;
  readonly upper: number;
}

const points = 16;
/** Width of a panel in standard deviations of the narrowest kernel: 16 Gauss–Legendre points there err by less than 1e-12. */
const panelWidth = 5;
/** Beyond it the density is left out: 1e-17 where nothing is crossed, 1e-35 where bounds may lie far out. */
const reach = { without: 8.5, towards: 12.5 };
/** Kernels are cut at so many standard deviations: e^−98. */
const band = 14;

/**
 * P(Z ≥ z) at a look and nothing before, and the density there.
 *
 * Source: Armitage, McPherson & Rowe (1969), JRSS A 132:235–244; Jennison & Turnbull (2000), ch. 19.
 */
export function tailAt(
  before: SubDensity | undefined,
  look: Look,
  z: number,
): { readonly upper: number; readonly density: number } {
  const { information, drift } = look;
  if (!before) {
    const x = z - drift * Math.sqrt(information);
    return { upper: normalUpperTail(x), density: Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI) };
  }
  const { nodes, mass } = before;
  const step = information - before.information;
  const scale = 1 / Math.sqrt(step);
  const target = (z * Math.sqrt(information) - drift * step) * scale;
  const root = Math.sqrt(before.information) * scale;
  let upper = 0;
  let density = 0;
  for (let j = nodes.length - 1; j >= 0; j--) {
    const x = target - (nodes[j] as number) * root;
    // nodes further down are further away
    if (x > 38) break;
    upper += (mass[j] as number) * (x < -9 ? 1 : normalUpperTail(x));
    density += (mass[j] as number) * Math.exp(-0.5 * x * x);
  }
  return { upper, density: (density * Math.sqrt(information) * scale) / Math.sqrt(2 * Math.PI) };
}

/** P(Z ≤ z) at a look and nothing before, and the density there. */
export function lowerTailAt(before: SubDensity | undefined, look: Look, z: number) {
  const { upper, density } = tailAt(before && mirrored(before), { ...look, drift: -look.drift }, -z);
  return { lower: upper, density };
}

/** The same, seen from below. */
export function mirrored({ information, nodes, mass }: SubDensity): SubDensity {
  return { information, nodes: nodes.map((node) => -node).reverse(), mass: mass.toReversed() };
}

/** The sub-density of a look on its continuation region. */
export function continueAt(before: SubDensity | undefined, look: Look, { lower, upper }: Continuation): SubDensity {
  const { information, next, drift } = look;
  const mean = drift * Math.sqrt(information);
  const low = Math.max(lower, mean - (lower === Number.NEGATIVE_INFINITY ? reach.without : reach.towards));
  const high = Math.min(upper, mean + reach.towards);
  const step = information - (before?.information ?? 0);
  const narrowest = Math.sqrt(
    Math.min(step, (next ?? Number.POSITIVE_INFINITY) - information, information) / information,
  );
  const panels = high > low ? Math.ceil((high - low) / (panelWidth * narrowest)) : 0;
  const nodes = new Float64Array(panels * points);
  const mass = new Float64Array(panels * points);
  const rule = gaussLegendre(points);
  const half = (high - low) / (2 * panels);
  for (let panel = 0; panel < panels; panel++) {
    const centre = low + (2 * panel + 1) * half;
    for (let i = 0; i < points; i++) {
      nodes[panel * points + i] = centre + half * (rule.nodes[i] as number);
      mass[panel * points + i] = half * (rule.weights[i] as number);
    }
  }
  if (before) convolve(before, look, nodes, mass);
  else
    for (let i = 0; i < nodes.length; i++)
      mass[i] = ((mass[i] as number) * Math.exp(-0.5 * ((nodes[i] as number) - mean) ** 2)) / Math.sqrt(2 * Math.PI);
  return { information, nodes, mass };
}

/** Multiplies weights by the density at their nodes. */
function convolve(before: SubDensity, { information, drift }: Look, nodes: Float64Array, weights: Float64Array): void {
  const step = information - before.information;
  const scale = 1 / Math.sqrt(step);
  const root = Math.sqrt(before.information) * scale;
  const own = Math.sqrt(information) * scale;
  const front = own / Math.sqrt(2 * Math.PI);
  const from = before.nodes;
  const mass = before.mass;
  let first = 0;
  for (let i = 0; i < nodes.length; i++) {
    const target = (nodes[i] as number) * own - drift * Math.sqrt(step);
    while (first < from.length && target - (from[first] as number) * root > band) first += 1;
    let sum = 0;
    for (let j = first; j < from.length; j++) {
      const x = target - (from[j] as number) * root;
      if (x < -band) break;
      sum += (mass[j] as number) * Math.exp(-0.5 * x * x);
    }
    weights[i] = (weights[i] as number) * front * sum;
  }
}
