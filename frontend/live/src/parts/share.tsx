import { useState } from "preact/hooks";
import { messageOf } from "../state/api.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { SaveIcon, ShareIcon } from "./icons.tsx";
import { Popover } from "./popover.tsx";

/** The link to this view, and the command that computes the same numbers. */
export function Share({ session }: { session: Session }) {
  const app = useApp();
  const narrow = app.narrow.value;
  return (
    <Popover
      class={narrow ? "button square" : "button"}
      label={narrow ? <ShareIcon /> : "Share"}
      sign={narrow}
      title="share"
      testId="share"
      side="right"
    >
      {(close) => (
        <div class="form">
          <Copy label="Copy link" testId="copy-link" text={() => Promise.resolve(location.href)} />
          <p class="hint">
            Opens this experiment, as it is then, for whoever may reach this server.
          </p>
          <Copy
            label="Copy command"
            testId="copy-command"
            text={async () => (await app.api.command(session.id)).command}
          />
          <p class="hint">Computes the same numbers in a terminal, without a browser.</p>
          <Copy
            label="Copy as Python"
            testId="copy-python"
            text={async () => (await app.api.python(session.id)).script}
            pre
          />
          <p class="hint">The same training in a loop of your own, around LRD.</p>
          <button
            type="button"
            class="button wide"
            data-testid="lecture-here"
            onClick={() => {
              close();
              app.turnLecture(!app.lecture.peek());
            }}
          >
            {app.lecture.value ? "Leave lecture mode" : "Lecture mode"}
          </button>
          <p class="hint">Big type for a room, by keyboard: L, and ? for all keys.</p>
          <p class="hint" data-testid="save-hint">
            A picture, or the rows of a chart: <SaveIcon /> beside its title.
          </p>
        </div>
      )}
    </Popover>
  );
}

interface CopyProps {
  label: string;
  testId: string;
  text: () => Promise<string>;
  /** Several lines, to be kept as they are. */
  pre?: boolean;
}

/** Copies a text and shows it, since a browser may refuse its clipboard. */
export function Copy({ label, testId, text, pre }: CopyProps) {
  const [shown, setShown] = useState("");
  const [note, setNote] = useState("");
  const copy = async () => {
    try {
      const whole = await text();
      setShown(whole);
      const copied = await navigator.clipboard?.writeText(whole).then(
        () => true,
        () => false,
      );
      setNote(copied ? "copied" : "select it and copy");
    } catch (error) {
      setNote(messageOf(error));
    }
  };
  return (
    <>
      <button type="button" class="button wide" data-testid={testId} onClick={() => void copy()}>
        {label}
      </button>
      {shown && (
        <code class={`copied ${pre ? "pre" : ""}`} tabIndex={pre ? 0 : undefined}>
          {shown}
        </code>
      )}
      <span class="hint" role="status">
        {note}
      </span>
    </>
  );
}
