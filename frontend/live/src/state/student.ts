/** z of the normal distribution at 0.975. */
const Z = 1.959963984540054;
/** Where the expansion is not yet good: 1 and 2 degrees of freedom. */
const FIRST = [12.706204736, 4.30265273];

/**
 * The 0.975 quantile of Student's t distribution, within 0.2 %: ± this many standard errors hold
 * the mean with 95 % confidence. Expansion in 1/degrees: Abramowitz and Stegun (1964), 26.7.5.
 */
export function tQuantile(degrees: number): number {
  // Of broken degrees the whole ones below: the interval is rather too wide.
  const early = FIRST[Math.floor(degrees) - 1];
  if (early !== undefined) return early;
  const z2 = Z * Z;
  const terms = [
    (z2 + 1) / 4,
    (5 * z2 ** 2 + 16 * z2 + 3) / 96,
    (3 * z2 ** 3 + 19 * z2 ** 2 + 17 * z2 - 15) / 384,
    (79 * z2 ** 4 + 776 * z2 ** 3 + 1482 * z2 ** 2 - 1920 * z2 - 945) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + (Z * term) / degrees ** (i + 1), Z);
}

/** Half a 95 % interval of a mean of `n`, in units of their sample standard deviation: t / √n. */
export function halfInterval(n: number): number {
  return tQuantile(n - 1) / Math.sqrt(n);
}
