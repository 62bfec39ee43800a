import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { App } from "../state/app.ts";
import type { Session } from "../state/session.ts";

const AppContext = createContext<App | null>(null);

export const AppProvider = AppContext.Provider;

/** The page's state; every part is inside the provider. */
export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("a part was drawn outside the workbench");
  return app;
}

/** Whether basins are shown in the place of paths; a task has none. */
export function useBasins(session: Session): boolean {
  const app = useApp();
  if (app.page.value === "lessons" || app.lecture.value) return false;
  return app.view.value === "basins" && session.experiment.value.kind === "surface";
}
