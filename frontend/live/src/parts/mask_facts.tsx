import { formatPercent } from "../look/format.ts";
import type { PictureView } from "../state/pictures.ts";

/** What a watched tensor's masks were like so far. */
export function MaskFacts({ picture }: { picture: PictureView }) {
  const { overlap, expected, touched, ages } = picture;
  const known = touched.filter(({ share }) => !Number.isNaN(share));
  return (
    <>
      <p title="of the coordinates that this mask or the one before keeps, the share that both keep; and what independent masks would give">
        overlap <b>{formatPercent(overlap)}</b> · by chance {formatPercent(expected)}
      </p>
      <p title="share of the coordinates that were updated at least once">
        updated in {known.map(({ steps }) => steps).join(" · ")}{" "}
        {known.length === 1 && known[0]?.steps === 1 ? "step" : "steps"}{" "}
        <b>{known.map(({ share }) => short(share)).join(" · ")} %</b>
      </p>
      <Ages labels={ages.labels} counts={ages.counts} />
    </>
  );
}

function short(share: number): string {
  return formatPercent(share).replace(/\s?%$/, "");
}

const WIDTH = 96;
const HEIGHT = 24;

/** Steps since the last update, as bars; heights are square roots, so that few are still seen. */
function Ages({ labels, counts }: PictureView["ages"]) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const most = Math.max(1, ...counts);
  const width = WIDTH / Math.max(6, counts.length);
  const words = counts
    .map((count, i) => `${labels[i]}: ${formatPercent(count / Math.max(1, total))}`)
    .join(", ");
  return (
    <figure class="ages" title={`steps since the last update: ${words}`}>
      <svg
        width={WIDTH}
        height={HEIGHT}
        role="img"
        aria-label={`Steps since the last update: ${words}`}
      >
        {counts.map((count, i) => {
          const height = count > 0 ? Math.max(1.5, Math.sqrt(count / most) * HEIGHT) : 0;
          return (
            <rect
              key={labels[i]}
              x={i * width}
              y={HEIGHT - height}
              width={width - 2}
              height={height}
            />
          );
        })}
      </svg>
      <figcaption>steps since update</figcaption>
    </figure>
  );
}
