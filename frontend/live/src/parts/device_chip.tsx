import { useEffect, useState } from "preact/hooks";
import type { NodeInfo, SettingInfo } from "../protocol.ts";
import { startAgain } from "../state/actions.ts";
import { placeOf, placesOf, placeWords } from "../state/places.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { SettingChip } from "./setting_chip.tsx";

/** Where it trains; a choice where there are several devices, here or on other machines. */
export function DeviceChip({ session }: { session: Session }) {
  const app = useApp();
  const place = placeWords(session.experiment.value);
  const [nodes, setNodes] = useState<NodeInfo[]>([]);
  useEffect(() => {
    // Without an answer the choice is among the server's own devices.
    app.api.nodes().then(setNodes, () => setNodes([]));
  }, [session]);
  const places = placesOf(app.catalogue.value?.devices ?? [], nodes, place);
  // A surface takes no device's time: its row of chips is for what changes the picture.
  if (places.length < 2 && session.experiment.value.kind === "surface") return null;
  if (places.length < 2) {
    return (
      <span class="chip still device" data-testid="device">
        <span class="key">device</span> {place}
      </span>
    );
  }
  return (
    <SettingChip
      setting={settingOf(places)}
      value={place}
      save={(value) => startAgain(app, session, placeOf(String(value)))}
    />
  );
}

/** The device as a setting, so that it is chosen like one. */
function settingOf(devices: string[]): SettingInfo {
  return {
    name: "device",
    label: "device",
    kind: "choice",
    default: "auto",
    low: null,
    high: null,
    low_open: false,
    high_open: false,
    choices: devices,
    allowed: `one of ${devices.join(", ")}`,
    help: "Where it trains.",
    log: false,
    live: false,
  };
}
