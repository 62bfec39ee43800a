import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { ProblemInfo } from "../protocol.ts";
import { startAgain, switchProblem } from "../state/actions.ts";
import { ApiError, messageOf } from "../state/api.ts";
import { Latest } from "../state/latest.ts";
import type { Session } from "../state/session.ts";
import type { Settings } from "../state/shape.ts";
import { fitted, OWN, RANGES, rangesOf } from "../state/typed.ts";
import { useApp } from "./context.ts";
import { Popover } from "./popover.tsx";

interface Wrong {
  message: string;
  /** Offending character of the formula. */
  position: number | null;
}

/** A button that opens the field for an own formula. */
export function FormulaChip({ session }: { session: Session }) {
  const app = useApp();
  const { problem, settings } = session.experiment.value;
  const own = app.catalogue.value?.problems.find((one) => one.name === OWN);
  if (!own) return null;
  const typed = problem === OWN ? String(settings.formula) : "";
  return (
    <Popover
      testId="formula"
      title={typed ? `formula: ${typed}` : "type a formula"}
      label={<span>ƒ formula</span>}
    >
      {(close) => <FormulaForm session={session} own={own} close={close} />}
    </Popover>
  );
}

interface Props {
  session: Session;
  own: ProblemInfo;
  close: () => void;
}

/** Formula and ranges; the map shows what is typed as soon as it can be read. */
function FormulaForm({ session, own, close }: Props) {
  const app = useApp();
  const id = useId();
  const experiment = session.experiment.value;
  const before = experiment.problem === OWN ? experiment.settings : {};
  const defaults = Object.fromEntries(own.settings.map((one) => [one.name, one.default]));
  const [text, setText] = useState(String(before.formula ?? defaults.formula));
  const [ranges, setRanges] = useState(() => rangesOf({ ...defaults, ...before }));
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const [found, setFound] = useState("");
  const open = useRef(true);
  const looks = useMemo(
    () =>
      new Latest<Settings>(
        async (settings) => {
          const drawn = await app.api.surface(OWN, settings);
          if (!open.current) return;
          session.preview.value = drawn;
          setWrong(null);
          setFound(wordsOf(drawn.surface.points.map((point) => point.kind)));
          app.loop.ask();
        },
        (error) => open.current && setWrong(wrongOf(error)),
      ),
    [session],
  );
  const leave = () => {
    open.current = false;
    session.preview.value = null;
    app.loop.ask();
  };
  // The popover may be closed in any way.
  useEffect(() => {
    open.current = true;
    return leave;
  }, []);
  const settingsOf = (formula: string, ends: Record<string, string>): Settings => ({
    formula,
    ...Object.fromEntries(Object.entries(ends).map(([name, end]) => [name, numberOf(end)])),
    rotation: Number(before.rotation ?? 0),
  });
  const look = (formula: string, ends: Record<string, string>) => {
    void looks.push(settingsOf(formula, ends));
  };
  const starting = useRef(false);
  const start = async () => {
    if (starting.current) return;
    starting.current = true;
    const settings = fitted(settingsOf(text, ranges), experiment);
    try {
      await app.api.surface(OWN, settings);
      if (experiment.problem === OWN) await startAgain(app, session, { settings });
      else await switchProblem(app, session, own, settings);
      leave();
      close();
    } catch (error) {
      setWrong(wrongOf(error));
    } finally {
      starting.current = false;
    }
  };
  return (
    <form
      class="form formula-form"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <label for={`${id}-f`}>f(x, y) =</label>
      <input
        id={`${id}-f`}
        class="formula-text"
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={text}
        maxLength={200}
        aria-invalid={wrong !== null}
        aria-describedby={`${id}-note`}
        data-testid="formula-text"
        onInput={(event) => {
          setText(event.currentTarget.value);
          look(event.currentTarget.value, ranges);
        }}
      />
      <div class="formula-note" id={`${id}-note`}>
        {wrong ? (
          <>
            {wrong.position !== null && <Pointed text={text} position={wrong.position} />}
            <p class="bad" role="alert" data-testid="error">
              {wrong.message}
            </p>
          </>
        ) : (
          <p class="hint" role="status" data-testid="formula-found">
            {found || "+ - * / **, sin cos tan exp log sqrt abs sinh cosh tanh, pi, e"}
          </p>
        )}
      </div>
      <div class="ranges">
        {RANGES.map(({ name, label }) => (
          <label key={name}>
            <span>{label}</span>
            <input
              type="text"
              inputMode="decimal"
              autocomplete="off"
              value={ranges[name]}
              data-testid={`formula-${name}`}
              onInput={(event) => {
                const next = { ...ranges, [name]: event.currentTarget.value };
                setRanges(next);
                look(text, next);
              }}
            />
          </label>
        ))}
      </div>
      <button type="submit" class="button ink" data-testid="formula-start">
        Train on it
      </button>
      <p class="hint">A new experiment starts; this one stays in the list.</p>
    </form>
  );
}

/** The formula with a caret under the offending character. */
function Pointed({ text, position }: { text: string; position: number }) {
  const from = Math.max(0, position - 30);
  return (
    <pre class="pointed" data-testid="formula-caret" aria-hidden="true">
      {`${text.slice(from, from + 42)}\n${" ".repeat(position - from)}^`}
    </pre>
  );
}

function numberOf(text: string): number | string {
  const number = Number(text.trim().replace("−", "-"));
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}

function wrongOf(error: unknown): Wrong {
  if (!(error instanceof ApiError)) return { message: messageOf(error), position: null };
  const { position, allowed, message } = error.detail;
  // The mend lists all that a formula may have; the reason stands behind it.
  const reason = position == null ? message : allowed.slice(allowed.indexOf(": ") + 2);
  return { message: reason, position: position ?? null };
}

/** "2 minima and 1 saddle found". */
function wordsOf(kinds: string[]): string {
  const saddles = kinds.filter((kind) => kind === "saddle").length;
  const minima = kinds.length - saddles;
  const count = (n: number, one: string, many: string) => `${n || "no"} ${n === 1 ? one : many}`;
  return `${count(minima, "minimum", "minima")} and ${count(saddles, "saddle", "saddles")} found`;
}
