import type { Session } from "../state/session.ts";
import { BasinTime } from "./basins.tsx";
import { useApp, useBasins } from "./context.ts";
import { KeysButton } from "./key_help.tsx";
import type { Numbers } from "./numbers.ts";
import { ProblemChips } from "./problem_chips.tsx";
import { Share } from "./share.tsx";
import { Status } from "./status.tsx";
import { Speed, StepCount, TransportButtons } from "./transport.tsx";

/** What is trained (left to right) and how time runs. */
export function Strip({ session, numbers }: { session: Session; numbers: Numbers }) {
  const basins = useBasins(session);
  return (
    <div class="strip">
      <ProblemChips session={session} />
      <div class="strip-right">
        {basins && <BasinTime />}
        <Status session={session} />
        {useApp().page.value !== "lessons" && <KeysButton />}
        <Share session={session} />
        {!basins && (
          <>
            <TransportButtons session={session} />
            <Speed session={session} />
            <StepCount numbers={numbers} />
          </>
        )}
      </div>
    </div>
  );
}
