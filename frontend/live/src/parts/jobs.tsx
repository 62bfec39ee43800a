import { useState } from "preact/hooks";
import type { DeviceInfo, JobInfo, NodeInfo } from "../protocol.ts";
import { deviceWords, progressOf, useOf } from "../state/jobs.ts";
import { nodeWords } from "../state/places.ts";
import { addressOf } from "../state/url.ts";
import { useApp } from "./context.ts";
import { usePolled } from "./polled.ts";

interface Seen {
  jobs: JobInfo[];
  devices: DeviceInfo[];
  nodes: NodeInfo[];
}

/** What trains, what waits, and what it uses. */
export function Jobs() {
  const app = useApp();
  const { seen, error } = usePolled<Seen>(async () => {
    const { api } = app;
    const [jobs, devices, nodes] = await Promise.all([api.jobs(), api.devices(), api.nodes()]);
    return { jobs, devices, nodes };
  });
  return (
    <section class="jobs" data-testid="jobs" aria-label="jobs">
      {error && <p class="bad">{error}</p>}
      <ul>
        {seen?.jobs.map((job) => (
          <JobRow key={job.experiment} job={job} />
        ))}
      </ul>
      {seen?.jobs.length === 0 && <p class="hint">Nothing trains and nothing waits.</p>}
      {seen?.devices.map((device) => (
        <p class="hint" key={device.name} data-testid="device-use">
          {deviceWords(device)}
        </p>
      ))}
      {seen?.nodes.map((node) => (
        <p class="hint" key={node.name} data-testid="node-use">
          {nodeWords(node)}
        </p>
      ))}
    </section>
  );
}

function JobRow({ job }: { job: JobInfo }) {
  const app = useApp();
  const [stopping, setStopping] = useState(false);
  const problem = app.catalogue.value?.problems.find((one) => one.name === job.problem);
  const label = job.name || problem?.label || job.problem;
  const page = problem?.kind === "task" ? "train" : "explore";
  const here = app.session.value?.id === job.experiment;
  const end = async () => {
    setStopping(true);
    try {
      await app.api.control(job.experiment, { kind: "stop" });
    } finally {
      setStopping(false);
    }
  };
  const tone = job.state === "running" ? "good" : "";
  return (
    <li data-testid="job" data-job={job.experiment}>
      <span class={`dot ${tone}`} aria-hidden="true" />
      <span class="job-words">
        {here ? (
          <b>{label}</b>
        ) : (
          <a href={addressOf(page, job.experiment, location.pathname)}>{label}</a>
        )}{" "}
        <span class="progress">{progressOf(job)}</span>
        <small>{useOf(job)}</small>
      </span>
      {job.position !== null && (
        <button
          type="button"
          class="button small"
          data-testid="cancel-job"
          disabled={stopping}
          onClick={() => app.attempt(end)}
        >
          Cancel
        </button>
      )}
    </li>
  );
}
