/** Work that can wait, done in parts: a few milliseconds of each frame. */

const BUDGET_MS = 3;

const jobs = new Set<Iterator<unknown>>();
let asked = 0;

/** Does a part of the work with each step of `job`, the oldest job first; call the result to end it. */
export function between(job: Iterator<unknown>): () => void {
  jobs.add(job);
  schedule();
  return () => jobs.delete(job);
}

function schedule(): void {
  if (asked === 0 && jobs.size > 0) asked = requestAnimationFrame(work);
}

function work(): void {
  asked = 0;
  const began = performance.now();
  for (const job of jobs) {
    // One that ends a job may end others with it.
    while (jobs.has(job) && performance.now() - began < BUDGET_MS) {
      if (job.next().done === true) jobs.delete(job);
    }
  }
  schedule();
}
