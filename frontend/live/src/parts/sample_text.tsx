import { formatPercent } from "../look/format.ts";
import type { TextView } from "../state/looks.ts";

/** What a run writes after a prompt, and how it reads a held-out passage. */
export function SampleText({ view }: { view: TextView }) {
  const { passage, likeliest, probability, prompt, written } = view;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section class="sample-text" aria-label="text" tabIndex={0}>
      <h4>It writes, after the first words</h4>
      <p data-testid="written">
        <span class="prompt">{prompt}</span>
        {written}
      </p>
      <h4>It reads; the next character was another than expected where it is marked</h4>
      <p data-testid="passage">
        {[...passage].map((character, i) => {
          const expected = [...likeliest][i - 1];
          const wrong = i > 0 && expected !== character;
          const sure = formatPercent(probability[i - 1] ?? Number.NaN);
          const words = i > 0 ? `${sure} sure of it; expected ${shownAs(expected)}` : "";
          return (
            <span key={i} class={wrong ? "wrong" : ""} title={words}>
              {character === "\n" && wrong ? "↵\n" : character}
            </span>
          );
        })}
      </p>
    </section>
  );
}

function shownAs(character: string | undefined): string {
  if (character === "\n") return "a new line";
  return character === " " ? "a space" : (character ?? "");
}
