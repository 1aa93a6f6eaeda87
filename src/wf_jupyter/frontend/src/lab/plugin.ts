// What stands around notebooks: the side panel, its tabs, the status bar, notices, commands and settings.
import { operationPath, pageConfig, Rest } from "../protocol/page.ts";
import { icon } from "../draw/icons.ts";
import { isDark, watchTheme } from "../draw/palette.ts";
import { RUNNING } from "../fold/statuses.ts";
import { Board } from "./board.ts";
import { OPEN_EVENT } from "../ui/opening.ts";
import { addCommands, OPEN, SHOW } from "./commands.ts";
import type { Application, Notices, Parts, Settings, Tracker } from "./jupyterlab.ts";
import { addNotebookCommands } from "./notebook-commands.ts";
import type { Snapshot, Summary } from "../protocol/messages.gen.ts";
import { listActions } from "./list-actions.ts";
import { Listing } from "./listing.ts";
import type { OwnWidget } from "./lumino.ts";
import { tellEnd, type Notified } from "./notices.ts";
import { LOGO } from "./signs.ts";
import { Tabs } from "./tabs.ts";

export const PLUGIN = "wf-jupyter:plugin";
const PANEL = "wf-jupyter-executions";
const TITLE = "Workflows";

/** The classes of the page that are used. */
export interface Kit {
  readonly Widget: new (options: { readonly node: HTMLElement }) => OwnWidget;
  readonly LabIcon: new (options: { readonly name: string; readonly svgstr: string }) => unknown;
  readonly WidgetTracker: new (options: { readonly namespace: string }) => Tracker;
  readonly Notification: Notices;
}

/** Put everything in its place. */
export function activate(kit: Kit, app: Application, parts: Parts): void {
  const config = pageConfig();
  if (config === null) return;
  const logo = new kit.LabIcon({ name: "wf-jupyter:logo", svgstr: LOGO });
  const create = (node: HTMLElement): OwnWidget => new kit.Widget({ node });
  const tracker = new kit.WidgetTracker({ namespace: "wf-jupyter" });
  const tabs = new Tabs(app, create, tracker, logo);
  const board = new Board();
  const rest = new Rest(config);
  const actions = listActions(board, rest, {
    open: (opened) => void app.commands.execute(OPEN, { ...opened }),
    complain: (words) => void kit.Notification.emit(words, "error", { autoClose: 8_000 }),
  });
  // a list in a cell opens executions like the panel does
  document.addEventListener(OPEN_EVENT, (event) => {
    event.preventDefault();
    actions.open((event as CustomEvent<Summary>).detail);
  });
  const rules: Rules = { notified: "failed and long", long: 30, statusBar: true };

  const listing = new Listing(board, actions, TITLE);
  const panel = create(listing.element);
  panel.id = PANEL;
  Object.assign(panel.title, { caption: "Workflow executions", icon: logo });
  app.shell.add(panel, "left", { rank: 300 });
  parts.restorer?.add(panel, PANEL);

  addCommands(app, parts, board, actions, logo, {
    show: async () => {
      await app.restored;
      app.shell.activateById(PANEL);
      listing.focus();
    },
    open: async (opened) => {
      if (parts.labShell === null) window.open(actions.address(opened.id));
      else await tabs.open(opened);
    },
  });
  addNotebookCommands(app, parts, {
    create,
    open: async (opened, beside) => {
      board.refresh();
      if (parts.labShell === null) window.open(actions.address(opened.id));
      else await tabs.open(opened, beside);
    },
    complain: (words) => void kit.Notification.emit(words, "error", { autoClose: 8_000 }),
    summaries: () => board.summaries,
    snapshot: async (id) => (await rest.get(operationPath("executions/{execution_id}", { execution_id: id }))) as Snapshot,
  });
  void parts.restorer?.restore(tracker, { command: OPEN, args: (widget) => ({ ...tabs.of(widget) }), name: (widget) => tabs.of(widget).id });
  parts.launcher?.add({ command: SHOW, category: "Other", rank: 5 });
  const status = statusItem(app, board, create, rules);
  parts.statusBar?.registerStatusItem("wf-jupyter:running", { item: status, align: "left", rank: 4 });

  board.join({
    changed: () => undefined,
    ended: (summary) => void tellEnd(kit.Notification, summary, rules, actions),
  });
  void parts.settings?.load(PLUGIN).then((settings) => follow(settings, rules, board), () => undefined);
}

interface Rules {
  notified: Notified;
  long: number;
  statusBar: boolean;
}

/** The settings, now and whenever they change. */
function follow(settings: Settings, rules: Rules, board: Board): void {
  const read = (): void => {
    const { notifications, longRunSeconds, statusBar } = settings.composite;
    rules.notified = notifications as Notified;
    rules.long = Number(longRunSeconds);
    rules.statusBar = statusBar !== false;
    board.tell();
  };
  settings.changed.connect(read);
  read();
}

/** How many run; a press shows them. Not there while nothing runs. */
function statusItem(app: Application, board: Board, create: (node: HTMLElement) => OwnWidget, rules: Rules): OwnWidget {
  const node = document.createElement("div");
  node.className = "wfj-status-item wfj-listing";
  node.style.cssText = "height: auto; align-self: center; background: none; overflow: visible";
  const words = document.createElement("span");
  const press = document.createElement("button");
  press.type = "button";
  press.className = "wfj-status-button wfj-s-running";
  press.title = "Show the running executions";
  press.append(icon(RUNNING), words);
  press.addEventListener("click", () => void app.commands.execute(SHOW));
  node.append(press);
  const theme = (): void => void node.classList.toggle("wfj-dark", isDark());
  watchTheme(theme);
  theme();
  board.join({
    changed: () => {
      const many = board.running.filter(({ parked }) => !parked).length;
      const text = `${many} running`;
      if (words.textContent !== text) words.textContent = text;
      node.style.display = many > 0 && rules.statusBar ? "flex" : "none";
    },
  });
  return create(node);
}
