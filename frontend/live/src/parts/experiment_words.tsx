import { useEffect, useRef, useState } from "preact/hooks";
import type { Experiment } from "../protocol.ts";
import { ApiError, messageOf } from "../state/api.ts";
import { tagsOf, tagText } from "../state/tags.ts";
import { useApp } from "./context.ts";
import { Popover } from "./popover.tsx";

interface Props {
  id: string;
  /** What it is called in the list. */
  label: string;
  /** Called when something of it was changed, or when it is not there any more. */
  onChanged: () => void;
}

/** What people write about an experiment, and the way to delete it. */
export function ExperimentWords({ id, label, onChanged }: Props) {
  return (
    <Popover
      class="more"
      testId="words"
      title={`name, notes and tags of ${label}`}
      label="⋯"
      sign
      side="right"
    >
      {(close) => <Loaded id={id} label={label} close={close} onChanged={onChanged} />}
    </Popover>
  );
}

function Loaded({ id, close, ...rest }: Props & { close: () => void }) {
  const app = useApp();
  const [found, setFound] = useState<Experiment | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    app.api.experiment(id).then(setFound, (failure) => setError(messageOf(failure)));
  }, [id]);
  if (error) return <p class="bad">{error}</p>;
  if (!found) return <p class="hint">loading …</p>;
  return <Form experiment={found} close={close} {...rest} />;
}

type FormProps = Omit<Props, "id"> & { experiment: Experiment; close: () => void };

function Form({ experiment, label, close, onChanged }: FormProps) {
  const app = useApp();
  const [name, setName] = useState(experiment.name);
  const [tags, setTags] = useState(tagText(experiment.tags));
  const [notes, setNotes] = useState(experiment.notes);
  const [error, setError] = useState<{ field: string; text: string } | null>(null);
  const { id } = experiment;
  const first = useRef<HTMLInputElement>(null);
  // The panel was opened before there was anything to type into.
  useEffect(() => first.current?.focus(), []);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      await app.api.describe(id, { name, notes, tags: tagsOf(tags) });
      close();
      onChanged();
    } catch (failure) {
      const field = failure instanceof ApiError ? failure.detail.field : "";
      setError({ field: field.split(".")[0] ?? "", text: messageOf(failure) });
    }
  };
  const remove = async () => {
    await app.api.remove(id);
    close();
    onChanged();
    const undo = async () => {
      app.toast.value = null;
      await app.api.restore(id);
      onChanged();
    };
    const action = { label: "Undo", testId: "undo-delete", run: () => app.attempt(undo) };
    app.tell({ text: `${label} is deleted.`, action });
  };
  const mark = (field: string) => ({
    "aria-invalid": error?.field === field,
    "aria-describedby": "words-error",
  });
  return (
    <form class="form words" onSubmit={save}>
      <label>
        Name
        <input
          ref={first}
          value={name}
          maxLength={100}
          data-testid="words-name"
          {...mark("name")}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        Tags <span class="range">between commas</span>
        <input
          value={tags}
          placeholder="saddle, for class"
          data-testid="words-tags"
          {...mark("tags")}
          onInput={(event) => setTags(event.currentTarget.value)}
        />
      </label>
      <label>
        Notes
        <textarea
          rows={5}
          value={notes}
          maxLength={20000}
          data-testid="words-notes"
          {...mark("notes")}
          onInput={(event) => setNotes(event.currentTarget.value)}
        />
      </label>
      <p class="bad" id="words-error" role="alert">
        {error?.text}
      </p>
      <div class="words-end">
        <button type="submit" class="button ink" data-testid="words-save">
          Save
        </button>
        <button
          type="button"
          class="button"
          data-testid="delete"
          title="it leaves every list; it can be brought back for a week"
          onClick={() => app.attempt(remove)}
        >
          Delete
        </button>
      </div>
    </form>
  );
}
