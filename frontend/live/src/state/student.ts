/** z of the normal distribution at 0.975: where the search for a quantile begins. */
const Z = 1.959963984540054;
const TAILS = 0.05;
const known = new Map<number, number>();

/**
 * The 0.975 quantile of Student's t distribution: ± this many standard errors hold the mean with
 * 95 % confidence. Degrees may be broken; within 1e−9 of SciPy's from 1 on.
 */
export function tQuantile(degrees: number): number {
  const found = known.get(degrees) ?? search(degrees);
  if (known.size < 1000) known.set(degrees, found);
  return found;
}

/** Half a 95 % interval of a mean of `n`, in units of their sample standard deviation: t / √n. */
export function halfInterval(n: number): number {
  return tQuantile(n - 1) / Math.sqrt(n);
}

/** Newton's method on both tails' probability; from below it never overshoots. */
function search(degrees: number): number {
  let t = Z;
  for (let i = 0; i < 100; i++) {
    const change = (bothTails(t, degrees) - TAILS) / (2 * density(t, degrees));
    t += change;
    if (Math.abs(change) < 1e-12 * t) break;
  }
  return t;
}

function density(t: number, degrees: number): number {
  const scale = logGamma((degrees + 1) / 2) - logGamma(degrees / 2);
  const power = -((degrees + 1) / 2) * Math.log1p((t * t) / degrees);
  return Math.exp(scale + power) / Math.sqrt(degrees * Math.PI);
}

/** P(|T| > t): the incomplete beta function of (degrees/2, 1/2) at degrees / (degrees + t²). */
function bothTails(t: number, degrees: number): number {
  const x = degrees / (degrees + t * t);
  const [a, b] = [degrees / 2, 0.5];
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a;
  return 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Lentz's evaluation of the continued fraction 8.17.22 in NIST's Digital Library (dlmf.nist.gov). */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return value;
}

/** Lanczos's approximation with g = 7 and nine terms; for positive numbers. */
const LANCZOS: readonly number[] = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
  12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

function logGamma(z: number): number {
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z);
  const [first = 1, ...rest] = LANCZOS;
  const sum = rest.reduce((total, term, i) => total + term / (z + i), first);
  const t = z + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(sum);
}
