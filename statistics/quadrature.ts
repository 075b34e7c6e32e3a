/** Nodes and weights of a rule on [−1, 1]. */
export interface Quadrature {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

const rules = new Map<number, Quadrature>();

/**
 * The Gauss–Legendre rule of n points, exact for polynomials up to degree 2n − 1.
 *
 * Source: Newton's method on the Legendre polynomial by its three-term recurrence; start values DLMF 18.16.14.
 */
export function gaussLegendre(n: number): Quadrature {
  const known = rules.get(n);
  if (known) return known;
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 100; step++) {
      let before = 1;
      let value = x;
      for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      slope = (n * (x * value - before)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < 1e-16) break;
    }
    nodes[n - 1 - i] = x;
    weights[n - 1 - i] = 2 / ((1 - x * x) * slope * slope);
  }
  const rule = { nodes, weights };
  rules.set(n, rule);
  return rule;
}

/** The integral of a smooth function from `low` to `high`, by panels of equal width with 20 Gauss–Legendre points each. */
export function integrate(f: (x: number) => number, low: number, high: number, panels = 40): number {
  const { nodes, weights } = gaussLegendre(20);
  const half = (high - low) / (2 * panels);
  let sum = 0;
  for (let panel = 0; panel < panels; panel++) {
    const centre = low + (2 * panel + 1) * half;
    for (let i = 0; i < nodes.length; i++) sum += (weights[i] as number) * f(centre + half * (nodes[i] as number));
  }
  return sum * half;
}
