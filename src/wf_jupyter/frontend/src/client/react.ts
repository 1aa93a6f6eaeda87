// A React hook over a client's state. React is handed in, so that this file needs none of its own.
import type { ExecutionView, WorkflowClient } from "./client.ts";

/** What is used of React 18 or later. */
export interface ReactHooks {
  useCallback<F extends (...values: never[]) => unknown>(callback: F, dependencies: readonly unknown[]): F;
  useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, read: () => T, readOnServer?: () => T): T;
}

/** The hook: follows an execution for as long as the component is there; null follows none. */
export type UseExecution = (client: WorkflowClient, executionId: string | null) => ExecutionView;

const NOTHING: ExecutionView = { snapshot: null, connection: { kind: "disconnected" }, error: null };

/** Make the hook: `const useExecution = createUseExecution(React)`. */
export function createUseExecution(react: ReactHooks): UseExecution {
  return function useExecution(client, executionId) {
    const subscribe = react.useCallback(
      (changed: () => void) => {
        if (executionId === null) return () => undefined;
        const stops = [client.hold(executionId), client.onChange(changed)];
        return () => stops.forEach((stop) => stop());
      },
      [client, executionId],
    );
    const read = (): ExecutionView => (executionId === null ? NOTHING : client.getState(executionId));
    return react.useSyncExternalStore(subscribe, read, read);
  };
}
