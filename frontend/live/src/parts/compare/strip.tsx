import { AXES, type Axis, MOST_RUNS } from "../../state/compare/choice.ts";
import { alike, likeness } from "../../state/compare/facts.ts";
import { AXIS_LABELS } from "../../state/compare/picture.ts";
import { useApp } from "../context.ts";
import { Caret } from "../icons.tsx";
import { Popover } from "../popover.tsx";
import { Copy } from "../share.tsx";
import { Finder } from "./finder.tsx";
import { lookOf } from "./labels.ts";

const AXIS_HELP: Record<Axis, string> = {
  time: "since a run’s first rows were stored, pauses included",
  step: "optimizer updates",
  epoch: "times through the training data",
  effective:
    "sum of learning rate × kept share: how much learning rate has reached the coordinates",
};

/** What the curves are laid along, what is a line, and what lines are compared with. */
export function CompareStrip() {
  const { compare } = useApp();
  const choice = compare.choice.value;
  return (
    <div class="strip compare-strip">
      <div class="chips">
        <Popover
          class="button ink"
          testId="add-runs"
          title="add runs"
          label="+ add runs"
          disabled={choice.runs.length >= MOST_RUNS}
        >
          {() => <Finder />}
        </Popover>
        <fieldset class="segments" aria-label="curves along">
          {AXES.map((axis) => (
            <button
              key={axis}
              type="button"
              class="chip"
              aria-pressed={choice.axis === axis}
              title={AXIS_HELP[axis]}
              data-testid={`by-${axis}`}
              onClick={() => compare.set({ axis })}
            >
              {AXIS_LABELS[axis]}
            </button>
          ))}
        </fieldset>
        <label class="chip select">
          <span class="key">seeds</span>
          <select
            value={choice.grouped ? "mean" : "apart"}
            data-testid="seeds-choice"
            onChange={(event) => compare.set({ grouped: event.currentTarget.value === "mean" })}
          >
            <option value="mean">mean and band</option>
            <option value="apart">every run</option>
          </select>
          <Caret />
        </label>
        <Baseline />
        <ChartMenu />
      </div>
      <div class="strip-right">
        <Popover class="button" label="Share" title="share" testId="share" side="right">
          {() => (
            <div class="form">
              <Copy
                label="Copy link"
                testId="copy-link"
                text={() => Promise.resolve(location.href)}
              />
              <p class="hint">
                Opens this comparison, as it is then, for whoever may reach this server.
              </p>
            </div>
          )}
        </Popover>
        <button
          type="button"
          class="button"
          data-testid="clear"
          title="remove all runs from the comparison; they stay in the store"
          onClick={() => compare.clear()}
        >
          Clear
        </button>
      </div>
    </div>
  );
}

/** The line that all others are compared with; runs that differ only in their seed are one. */
function Baseline() {
  const { compare } = useApp();
  const choice = compare.choice.value;
  const lines = compare.lines.value;
  const groups = alike(compare.members.value);
  const chosen = groups.find((group) => group.some(({ key }) => key === choice.baseline));
  const options = groups.flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const line = lines.find((one) => one.members.some((m) => likeness(m) === likeness(first)));
    const name = (line?.name ?? first.key).replace(/, seeds? [\d ]+(to \d+)?$/, "");
    return [{ key: first.key, name: group.length > 1 ? `${name}, ${group.length} runs` : name }];
  });
  return (
    <label class="chip select">
      <span class="key">baseline</span>
      <select
        value={chosen?.[0]?.key ?? ""}
        data-testid="baseline"
        onChange={(event) => compare.set({ baseline: event.currentTarget.value || null })}
      >
        <option value="">none</option>
        {options.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
      <Caret />
    </label>
  );
}

/** Which columns are drawn. */
function ChartMenu() {
  const { compare } = useApp();
  const columns = compare.columns.value;
  const offered = compare.offered.value;
  const all = [...new Set([...columns, ...offered])];
  const turn = (name: string, on: boolean) => {
    compare.set({ columns: all.filter((one) => (one === name ? on : columns.includes(one))) });
  };
  return (
    <Popover
      title="choose charts"
      testId="charts-menu"
      label={
        <>
          <span class="key">charts</span>
          <b>{columns.length}</b>
          <Caret />
        </>
      }
    >
      {() => (
        <fieldset class="form checks">
          <legend class="hint">columns that are drawn</legend>
          {all.map((name) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={columns.includes(name)}
                onChange={(event) => turn(name, event.currentTarget.checked)}
              />
              {lookOf(name).title}
            </label>
          ))}
        </fieldset>
      )}
    </Popover>
  );
}
