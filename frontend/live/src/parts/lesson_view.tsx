import { useEffect, useRef } from "preact/hooks";
import type { Lesson, LessonStep, Try } from "../protocol.ts";
import { whyDisabled } from "../state/actions.ts";
import { useApp } from "./context.ts";
import { LectureButton } from "./lecture_button.tsx";
import { Experiment, Opening } from "./workbench.tsx";

/** A lesson: one step of its text beside the experiment that trains. */
export function LessonView({ lesson }: { lesson: Lesson }) {
  const app = useApp();
  const session = app.session.value;
  const at = app.lessons.step.value;
  return (
    <div class="lesson">
      <article class="lesson-text" aria-label={lesson.title}>
        <header>
          <button
            type="button"
            class="link"
            data-testid="all-lessons"
            onClick={() => app.goLesson(null)}
          >
            ← All lessons
          </button>
          <LectureButton />
          <h1>{lesson.title}</h1>
        </header>
        {at && <Step key={at.number} lesson={lesson} number={at.number} step={at.step} />}
        {at && <Steps lesson={lesson} number={at.number} />}
      </article>
      <div class="lesson-experiment">
        {session ? <Experiment key={session.id} session={session} /> : <Opening />}
      </div>
    </div>
  );
}

interface StepProps {
  lesson: Lesson;
  number: number;
  step: LessonStep;
}

/** Its words, buttons, and what should be seen; arrow keys scroll it from its heading. */
function Step({ lesson, number, step }: StepProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const lecture = useApp().lecture.value;
  useEffect(() => heading.current?.focus({ preventScroll: true }), [number, lecture]);
  const last = number === lesson.steps.length;
  return (
    <section class="lesson-step" data-testid="lesson-step">
      <h2 ref={heading} tabIndex={-1}>
        {step.title}
      </h2>
      <Html class="lesson-prose" html={step.text} />
      {step.tries.length > 0 && (
        <ul class="tries" aria-label="to try">
          {step.tries.map((one, index) => (
            <li key={one.label}>
              <TryButton button={one} index={index} />
            </li>
          ))}
        </ul>
      )}
      {step.see && (
        <aside class="see" data-testid="see">
          <h3>What you should see</h3>
          <Html html={step.see} />
        </aside>
      )}
      {last && (
        <details class="fold repeat">
          <summary>Repeat it in a terminal</summary>
          <code class="copied">{lesson.command}</code>
          <p class="hint">
            {lesson.kind === "task"
              ? "With --seeds 8 it trains eight copies of every run."
              : "Another --seed throws other coins."}{" "}
            Share gives the command of what trains now.
          </p>
        </details>
      )}
    </section>
  );
}

/** Text that the server made from Markdown, in which HTML is not allowed. */
function Html({ html, class: extra }: { html: string; class?: string }) {
  return <div class={extra} dangerouslySetInnerHTML={{ __html: html }} />;
}

function TryButton({ button, index }: { button: Try; index: number }) {
  const app = useApp();
  const session = app.session.value;
  // Another experiment can be started whatever became of this one.
  const why = !session ? "connecting" : button.experiment ? "" : whyDisabled(session);
  return (
    <button
      type="button"
      class="button try"
      data-testid="try"
      disabled={why !== ""}
      title={why}
      onClick={() => app.useTry(index)}
    >
      <span class="kbd" aria-hidden="true">
        {index + 1}
      </span>
      <span>{button.label}</span>
    </button>
  );
}

/** Where one is, and the ways back and on. */
function Steps({ lesson, number }: { lesson: Lesson; number: number }) {
  const app = useApp();
  const count = lesson.steps.length;
  const lessons = app.lessons.all.value?.lessons ?? [];
  const following = lessons[lessons.findIndex((one) => one.name === lesson.name) + 1];
  return (
    <nav class="lesson-steps" aria-label="steps">
      <button
        type="button"
        class="button"
        data-testid="step-back"
        disabled={number === 1}
        onClick={() => app.goStep(number - 1)}
      >
        Back
      </button>
      <span class="step-of" data-testid="step-of">
        {number} of {count}
      </span>
      {number < count ? (
        <button
          type="button"
          class="button ink"
          data-testid="step-next"
          onClick={() => app.goStep(number + 1)}
        >
          Next
        </button>
      ) : (
        <button
          type="button"
          class="button ink"
          data-testid="lesson-next"
          onClick={() => app.goLesson(following?.name ?? null)}
        >
          {following ? "Next lesson" : "All lessons"}
        </button>
      )}
    </nav>
  );
}
