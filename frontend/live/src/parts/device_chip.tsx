import type { SettingInfo } from "../protocol.ts";
import { startAgain } from "../state/actions.ts";
import type { Session } from "../state/session.ts";
import { useApp } from "./context.ts";
import { SettingChip } from "./setting_chip.tsx";

/** Where it trains; a choice where the machine has several devices. */
export function DeviceChip({ session }: { session: Session }) {
  const app = useApp();
  const { device } = session.experiment.value;
  const devices = app.catalogue.value?.devices ?? [];
  if (devices.length < 2) {
    return (
      <span class="chip still device" data-testid="device">
        <span class="key">device</span> {device}
      </span>
    );
  }
  return (
    <SettingChip
      setting={settingOf(devices)}
      value={device}
      save={(value) => startAgain(app, session, { device: String(value) })}
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
