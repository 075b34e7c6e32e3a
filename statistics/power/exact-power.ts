import { binomialMassLog } from "../distributions.ts";
import type { ArmSizes } from "./power-means.ts";
import type { Rates } from "./power-proportions.ts";

/**
 * Probability that a decision falls, when events are binomial in both arms: the power of a test of two counts at these
 * rates, or its true level when the rates obey the null. No approximation.
 *
 * @param rates   of the arms, in [0, 1]
 * @param sizes   whole units; outcomes less likely than 1e-18 in an arm are left out
 * @param rejects decides from the events of control and candidate
 * @throws RangeError when more than 20 million outcomes would be needed
 */
export function exactPower(
  rates: Rates,
  sizes: ArmSizes,
  rejects: (controlEvents: number, candidateEvents: number) => boolean,
): number {
  const control = binomialMasses(sizes.control, rates.control);
  const candidate = binomialMasses(sizes.candidate, rates.candidate);
  if (control.masses.length * candidate.masses.length > 2e7) {
    throw new RangeError(
      `exactPower needs at most 20 million outcomes, got ${control.masses.length} × ${candidate.masses.length}`,
    );
  }
  let power = 0;
  candidate.masses.forEach((mass, j) => {
    let given = 0;
    control.masses.forEach((own, i) => {
      if (rejects(control.first + i, candidate.first + j)) given += own;
    });
    power += mass * given;
  });
  return Math.min(1, power);
}

/** The outcomes of Binomial(n, p) that are likelier than 1e-18, which are neighbours, with their probabilities. */
export function binomialMasses(n: number, p: number): { readonly first: number; readonly masses: Float64Array } {
  if (!(Number.isInteger(n) && n >= 0)) throw new RangeError(`an exact power needs whole sizes, got ${n}`);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`an exact power needs rates in [0, 1], got ${p}`);
  const mode = Math.min(n, Math.floor((n + 1) * p));
  const likely = (k: number) => k >= 0 && k <= n && binomialMassLog(k, n, p) > Math.log(1e-18);
  let first = mode;
  while (likely(first - 1)) first -= 1;
  let last = mode;
  while (likely(last + 1)) last += 1;
  return {
    first,
    masses: Float64Array.from({ length: last - first + 1 }, (_, i) => Math.exp(binomialMassLog(first + i, n, p))),
  };
}
