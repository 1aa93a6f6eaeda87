// The entry of the prebuilt extension for JupyterLab and Notebook 7: a module federation container, written
// by hand, since its one module needs one class of the page and nothing of a builder.
import { shared, type MimeExtension, type Panel, type Scope } from "./lumino.ts";
import { Output } from "./output.ts";
import { EXECUTION_TYPE } from "./stored.ts";

const NAME = "wf-jupyter";
const MODULE = "./mimeExtension";
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
    if (module !== MODULE) throw new Error(`${NAME}: there is no module ${module}`);
    const { Panel } = (await shared(scope, "@lumino/widgets")) as { Panel: new () => Panel };
    return () => ({ __esModule: true, default: extension(Panel) });
  },
};

function extension(Panel: new () => Panel): MimeExtension {
  return {
    id: `${NAME}:execution`,
    description: "Shows executions live, with or without a kernel.",
    rank: RANK,
    dataType: "json",
    rendererFactory: {
      // It shows text, and what the page's own server tells of the id.
      safe: true,
      mimeTypes: [EXECUTION_TYPE],
      defaultRank: RANK,
      createRenderer: () => {
        const panel = new Panel();
        const output = new Output(panel);
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
