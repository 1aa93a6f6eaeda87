// The entry of the prebuilt extension for JupyterLab and Notebook 7: a module federation container, written
// by hand, since its modules need a few classes of the page and nothing of a builder.
import { shared, type MimeExtension, type Panel, type Scope } from "./lumino.ts";
import { EXECUTIONS_TYPE, ListOutput } from "./list-output.ts";
import type { Application, Launcher, Palette, Parts, Restorer, SettingRegistry, StatusBar } from "./jupyterlab.ts";
import { Output } from "./output.ts";
import { activate, PLUGIN, type Kit } from "./plugin.ts";
import { EXECUTION_TYPE } from "./stored.ts";

const NAME = "wf-jupyter";
/** Above the widget of the same output, whose renderer has -10. */
const RANK = -100;

interface Container {
  init(scope: Scope): void;
  get(module: string): Promise<() => object>;
}

let scope: Scope = {};

const container: Container = {
  init: (given) => {
    scope = given;
  },
  get: async (module) => {
    const { Panel, Widget } = (await shared(scope, "@lumino/widgets")) as { Panel: new () => Panel; Widget: Kit["Widget"] };
    if (module === "./mimeExtension") return () => ({ __esModule: true, default: extension(Panel) });
    if (module !== "./extension") throw new Error(`${NAME}: there is no module ${module}`);
    const made = await plugin(Widget);
    return () => ({ __esModule: true, default: made });
  },
};

/** Where a part of the page is named: a token, which a page without that part does not share. */
const TOKENS = {
  palette: ["@jupyterlab/apputils", "ICommandPalette"],
  launcher: ["@jupyterlab/launcher", "ILauncher"],
  statusBar: ["@jupyterlab/statusbar", "IStatusBar"],
  settings: ["@jupyterlab/settingregistry", "ISettingRegistry"],
  restorer: ["@jupyterlab/application", "ILayoutRestorer"],
  labShell: ["@jupyterlab/application", "ILabShell"],
} as const satisfies Record<keyof Parts, readonly [string, string]>;

/** The plugin for what stands around notebooks. */
async function plugin(Widget: Kit["Widget"]): Promise<object> {
  const apputils = (await shared(scope, "@jupyterlab/apputils")) as Pick<Kit, "WidgetTracker" | "Notification">;
  const { LabIcon } = (await shared(scope, "@jupyterlab/ui-components")) as Pick<Kit, "LabIcon">;
  const { WidgetTracker, Notification } = apputils;
  const names: (keyof Parts)[] = [];
  const optional: unknown[] = [];
  for (const [name, [module, token]] of Object.entries(TOKENS) as [keyof Parts, readonly [string, string]][]) {
    const found = ((await shared(scope, module).catch(() => null)) as Record<string, unknown> | null)?.[token];
    if (found === undefined) continue;
    names.push(name);
    optional.push(found);
  }
  return {
    id: PLUGIN,
    description: "Shows the executions of this server around notebooks.",
    autoStart: true,
    optional,
    activate: (app: Application, ...given: unknown[]) => {
      const part = (name: keyof Parts): unknown => given[names.indexOf(name)] ?? null;
      activate({ Widget, LabIcon, WidgetTracker, Notification }, app, {
        palette: part("palette") as Palette | null,
        launcher: part("launcher") as Launcher | null,
        statusBar: part("statusBar") as StatusBar | null,
        settings: part("settings") as SettingRegistry | null,
        restorer: part("restorer") as Restorer | null,
        labShell: part("labShell") as object | null,
      });
    },
  };
}

function extension(Panel: new () => Panel): MimeExtension {
  return {
    id: `${NAME}:execution`,
    description: "Shows executions live, with or without a kernel.",
    rank: RANK,
    dataType: "json",
    rendererFactory: {
      // It shows text, and what the page's own server tells of the id.
      safe: true,
      mimeTypes: [EXECUTION_TYPE, EXECUTIONS_TYPE],
      defaultRank: RANK,
      createRenderer: ({ mimeType }) => {
        const panel = new Panel();
        const output = mimeType === EXECUTION_TYPE ? new Output(panel) : new ListOutput(panel);
        panel.disposed.connect(() => output.dispose());
        return Object.assign(panel, { renderModel: async (model: Parameters<Output["show"]>[0]) => output.show(model) });
      },
    },
  };
}

declare global {
  interface Window {
    _JUPYTERLAB?: Record<string, Container>;
  }
}

(window._JUPYTERLAB ??= {})[NAME] = container;
