// The parts of JupyterLab that stand around notebooks, as types of our own: see `lumino.ts`.
import type { OwnWidget } from "./lumino.ts";

export type Arguments = Readonly<Record<string, unknown>>;

export interface Command {
  readonly label: string | ((given: Arguments) => string);
  readonly caption?: string;
  readonly icon?: unknown;
  readonly isEnabled?: () => boolean;
  execute(given: Arguments): unknown;
}

export interface Commands {
  addCommand(id: string, command: Command): unknown;
  execute(id: string, given?: Arguments): Promise<unknown>;
  notifyCommandChanged(id?: string): void;
}

export interface Application {
  readonly commands: Commands;
  readonly shell: {
    add(widget: OwnWidget, area: string, options?: { readonly rank?: number; readonly mode?: string; readonly ref?: string }): void;
    activateById(id: string): void;
    readonly currentWidget: OwnWidget | null;
    widgets?(area: string): Iterable<OwnWidget>;
  };
  readonly serviceManager: object;
  /** The layout of last time is there again; what was activated before is forgotten then. */
  readonly restored: Promise<unknown>;
}

export interface Palette {
  addItem(item: { readonly command: string; readonly category: string }): unknown;
}

export interface Launcher {
  add(item: { readonly command: string; readonly category: string; readonly rank: number }): unknown;
}

export interface StatusBar {
  registerStatusItem(id: string, item: { readonly item: OwnWidget; readonly align: "left"; readonly rank: number }): unknown;
}

export interface Settings {
  readonly composite: Readonly<Record<string, unknown>>;
  readonly changed: { connect(slot: () => void): unknown };
}

export interface SettingRegistry {
  load(id: string): Promise<Settings>;
}

export interface Tracker {
  add(widget: OwnWidget): Promise<void>;
  find(test: (widget: OwnWidget) => boolean): OwnWidget | undefined;
}

export interface Restorer {
  add(widget: OwnWidget, name: string): void;
  restore(tracker: Tracker, options: {
    readonly command: string;
    readonly args: (widget: OwnWidget) => Arguments;
    readonly name: (widget: OwnWidget) => string;
  }): Promise<unknown>;
}

export interface NoticeAction {
  readonly label: string;
  readonly displayType?: "accent" | "default";
  callback(event: MouseEvent): void;
}

/** `Notification` of apputils. */
export interface Notices {
  emit(message: string, type: "success" | "error" | "warning" | "info", options: {
    readonly autoClose: number | false;
    readonly actions?: readonly NoticeAction[];
  }): string;
}

/** What of the page is there; Notebook 7 has no launcher, status bar or palette of its own everywhere. */
export interface Parts {
  readonly palette: Palette | null;
  readonly launcher: Launcher | null;
  readonly statusBar: StatusBar | null;
  readonly settings: SettingRegistry | null;
  readonly restorer: Restorer | null;
  /** There only where the main area takes several widgets. */
  readonly labShell: object | null;
}
