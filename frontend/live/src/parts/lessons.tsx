import type { Lesson, LessonFault } from "../protocol.ts";
import { withLecture } from "../state/lecture.ts";
import { nextStep, seenOf } from "../state/lesson_progress.ts";
import { placeAddress } from "../state/lesson_url.ts";
import { useApp } from "./context.ts";
import { LectureButton } from "./lecture_button.tsx";
import { LessonView } from "./lesson_view.tsx";

/** All lessons, or the open one beside its experiment. */
export function LessonsPage() {
  const app = useApp();
  const { all, lesson, place, trouble } = app.lessons;
  if (lesson.value) return <LessonView lesson={lesson.value} />;
  const { name } = place.value;
  const list = all.value;
  return (
    <div class="lessons">
      <header>
        <h1>Lessons</h1>
        <p class="hint">Short experiments that you do yourself. Each trains while you read.</p>
        <LectureButton />
      </header>
      {list === null && (
        <p class="hint" role="status" data-testid="lessons-status">
          <span class="dot turning" aria-hidden="true" />{" "}
          {trouble.value || (name ? "loading the lesson" : "loading the lessons")}
        </p>
      )}
      {list !== null && name !== null && (
        <p class="banner bad" role="alert" data-testid="no-lesson">
          There is no lesson “{name}”; these are all.
        </p>
      )}
      {list?.faults.map((fault) => (
        <Fault key={fault.file} fault={fault} />
      ))}
      <ol class="lesson-cards">
        {list?.lessons.map((one, index) => (
          <Card key={one.name} lesson={one} number={index + 1} />
        ))}
      </ol>
      {list?.lessons.length === 0 && <p class="hint">There are no lessons on this server.</p>}
    </div>
  );
}

function Fault({ fault }: { fault: LessonFault }) {
  return (
    <p class="banner bad" role="alert" data-testid="lesson-fault">
      {fault.message}
    </p>
  );
}

function Card({ lesson, number }: { lesson: Lesson; number: number }) {
  const app = useApp();
  const steps = lesson.steps.length;
  const progress = app.lessons.progress.value;
  const seen = seenOf(progress, lesson.name, steps);
  const step = nextStep(progress, lesson.name, steps);
  const address = placeAddress({ name: lesson.name, step }, null, location.pathname);
  return (
    <li>
      <a
        class="lesson-card"
        href={withLecture(address, app.lecture.value)}
        data-testid="lesson-card"
        data-lesson={lesson.name}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          app.goLesson(lesson.name, step);
        }}
      >
        <span class="lesson-number" aria-hidden="true">
          {number}
        </span>
        <span class="lesson-words">
          <b>{lesson.title}</b>
          <span>{lesson.learn}</span>
        </span>
        <span class="lesson-meta">
          <span>{lesson.minutes} min</span>
          <span>
            {seen === 0 ? `${steps} steps` : seen === steps ? "done" : `${seen} of ${steps}`}
          </span>
          <progress max={steps} value={seen} aria-label={`${seen} of ${steps} steps seen`} />
        </span>
      </a>
    </li>
  );
}
