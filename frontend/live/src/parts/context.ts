import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { App } from "../state/app.ts";

const AppContext = createContext<App | null>(null);

export const AppProvider = AppContext.Provider;

/** The page's state; every part is inside the provider. */
export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("a part was drawn outside the workbench");
  return app;
}
