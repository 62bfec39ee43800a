import { effect } from "@preact/signals";
import { render } from "preact";
import { chartCss } from "./charts/styles.ts";
import { tokenVariables } from "./look/palette.ts";
import { AppProvider } from "./parts/context.ts";
import { Workbench } from "./parts/workbench.tsx";
import { App } from "./state/app.ts";
import { attachKeys } from "./state/keys.ts";
import { dress } from "./state/lecture.ts";
import { attachLectureKeys } from "./state/lecture_keys.ts";
import { exposeForTests } from "./state/probe.ts";
import { themeOf } from "./state/theme.ts";
import css from "./style/index.css?inline";

/** What Streamlit hands to a component at every render. */
interface Component {
  parentElement: HTMLElement | ShadowRoot;
}

interface Mounted {
  app: App;
  host: HTMLElement;
  calls: number;
  end: () => void;
}

/** Up to this width the phone's layout is used. */
const NARROW_PX = 640;

const mounted = new WeakMap<Node, Mounted>();

/**
 * Draws the workbench, or brings the one that is there in line with the page: Streamlit calls again
 * without a remount when data or theme change.
 */
export default function mount({ parentElement }: Component): () => void {
  const here = mounted.get(parentElement) ?? create(parentElement);
  here.calls += 1;
  const call = here.calls;
  applyTheme(here);
  here.app.follow();
  // Streamlit also cleans up calls that a newer one has overtaken: only the last one's counts.
  return () => {
    if (call === here.calls) here.end();
  };
}

function create(parent: HTMLElement | ShadowRoot): Mounted {
  const app = new App();
  const host = document.createElement("div");
  host.className = "host";
  host.dataset.testid = "workbench";
  const style = document.createElement("style");
  style.textContent = css + chartCss;
  parent.append(style, host);
  const sizes = new ResizeObserver(([entry]) => {
    if (entry) app.narrow.value = entry.contentRect.width <= NARROW_PX;
  });
  app.narrow.value = innerWidth <= NARROW_PX;
  sizes.observe(host);
  const detachLectureKeys = attachLectureKeys(app);
  const detachKeys = attachKeys(app, host);
  const undress = effect(() => dress(host, app.lecture.value, app.controls.value));
  exposeForTests(app, host);
  const here: Mounted = {
    app,
    host,
    calls: 0,
    end: () => {
      sizes.disconnect();
      detachLectureKeys();
      detachKeys();
      undress();
      dress(host, false, false);
      render(null, host);
      app.stop();
      style.remove();
      host.remove();
      mounted.delete(parent);
    },
  };
  mounted.set(parent, here);
  applyTheme(here);
  render(
    <AppProvider value={app}>
      <Workbench />
    </AppProvider>,
    host,
  );
  return here;
}

function applyTheme({ app, host }: Mounted): void {
  const theme = themeOf(host);
  if (app.theme.peek() === theme && host.style.length > 0) return;
  host.style.cssText = tokenVariables(theme);
  host.style.colorScheme = theme;
  app.theme.value = theme;
}
