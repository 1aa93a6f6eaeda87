// One output of a cell that holds an execution: live where the page's server has it, else the widget of a
// kernel that knows it, else the picture that the notebook stored.
import { isObject } from "../protocol/decode.ts";
import { operationPath, pageConfig, Rest } from "../protocol/page.ts";
import { onWake, Retry } from "../protocol/retry.ts";
import type { MountOptions } from "../ui/mount.ts";
import { onClosed } from "./closing.ts";
import { find } from "./finding.ts";
import { registryOf, type MimeModel, type Panel } from "./lumino.ts";
import { waitForOthers } from "./sharing.ts";
import { Still } from "./still.ts";
import { decodeStored, EXECUTION_TYPE, type Stored } from "./stored.ts";

const WIDGET_TYPE = "application/vnd.jupyter.widget-view+json";

interface Bundle {
  mount(el: HTMLElement, options: MountOptions): () => void;
}

export class Output {
  readonly #still: Still;
  #model: MimeModel | null = null;
  #stored: Stored | null = null;
  /** Removes what is shown in place of the stored picture: the live view, or a kernel's widget. */
  #unmount: (() => void) | null = null;
  #isLive = false;
  #stopWaking: (() => void) | null = null;
  #retry: Retry | null = null;
  #observer: MutationObserver | null = null;
  #stopHearing: (() => void) | null = null;

  constructor(private readonly panel: Panel) {
    panel.addClass("wfj-output");
    this.#still = new Still(panel);
  }

  /** Show a model; called again whenever its data changed. */
  show(model: MimeModel): void {
    const before = this.#stored;
    this.#model = model;
    this.#stored = decodeStored(model.data[EXECUTION_TYPE]);
    if (before !== null && this.#stored?.id === before.id) {
      if (this.#still.isShown) this.#still.draw(model);
      return;
    }
    this.#clear();
    this.#still.draw(model);
    const config = pageConfig();
    if (this.#stored === null) this.#still.say("A newer version of wf_jupyter stored this.");
    else if (config !== null) this.#look(new Rest(config), this.#stored);
  }

  dispose(): void {
    this.#clear();
    this.#model = this.#stored = null;
  }

  #clear(): void {
    this.#unmount?.();
    this.#unmount = null;
    this.#isLive = false;
    this.#retry?.stop();
    this.#stopWaking?.();
    this.#stopHearing?.();
  }

  /** Python closed the view: nothing is left of it here, and the execution goes on. */
  #closed(): void {
    this.#clear();
    this.#still.remove();
  }

  #look(rest: Rest, stored: Stored): void {
    const ask = async (): Promise<void> => {
      const found = await find(rest, stored);
      if (this.#stored?.id !== stored.id) return;
      if (found.kind === "here") {
        if (!this.#isLive) await this.#mount(rest, stored, found.serverId, refused);
        return;
      }
      if (this.#isLive) this.#hide();
      this.#still.say(found.words);
      this.#useWidget();
      if (found.kind === "away") retry.failed();
    };
    // the server knows best why: it deleted the execution, or asks for a login
    const refused = (): void => void ask();
    const retry = new Retry(() => void ask());
    this.#retry = retry;
    this.#stopWaking = onWake(() => retry.now());
    void ask();
  }

  /** The stored picture in place of the live view. */
  #hide(): void {
    this.#unmount?.();
    this.#unmount = null;
    this.#isLive = false;
    if (this.#model !== null) this.#still.draw(this.#model);
  }

  async #mount(rest: Rest, stored: Stored, serverId: string, refused: () => void): Promise<void> {
    let bundle: Bundle;
    try {
      bundle = (await import(rest.staticUrl("widget.js"))) as Bundle;
    } catch (error) {
      this.#still.say(`The live view could not be loaded: ${String(error)}`);
      this.#retry?.failed();
      return;
    }
    if (this.#stored?.id !== stored.id || this.#isLive) return;
    this.#unmount?.();
    this.#still.remove();
    const place = document.createElement("div");
    this.panel.node.append(place);
    const ended = (seq: number, epoch: string): void => void this.#keep(rest, seq, epoch);
    const { id: execution_id, workflow } = stored;
    this.#isLive = true;
    this.#stopHearing?.();
    this.#stopHearing = onClosed(this.panel, this.#modelId, () => this.#closed());
    const unmount = bundle.mount(place, { ...this.#wishes(), execution_id, server_id: serverId, workflow, ended, refused });
    this.#unmount = () => {
      unmount();
      place.remove();
    };
  }

  get #modelId(): string {
    const view = this.#model?.data[WIDGET_TYPE];
    return isObject(view) && typeof view["model_id"] === "string" ? view["model_id"] : "";
  }

  /** How `execution.view(tab, height)` wants to be shown. */
  #wishes(): { tab?: string; height?: number } {
    const metadata = this.#model?.metadata[EXECUTION_TYPE];
    const { tab, height } = isObject(metadata) ? metadata : {};
    return { ...(typeof tab === "string" && { tab }), ...(typeof height === "number" && { height }) };
  }

  /** Store the final state in the notebook, unless it is there: who only looks at a notebook does not change it. */
  async #keep(rest: Rest, seq: number, epoch: string): Promise<void> {
    const id = this.#stored?.id;
    const isKept = (): boolean => this.#stored === null || this.#stored.id !== id || (this.#stored.seq === seq && this.#stored.epoch === epoch);
    if (id === undefined || isKept()) return;
    const picture = await rest.get(operationPath("executions/{execution_id}/picture", { execution_id: id })).catch(() => null);
    const others = waitForOthers(this.panel);
    if (others > 0) await new Promise((resolve) => setTimeout(resolve, others));
    if (!isObject(picture) || this.#model === null || isKept()) return;
    this.#model.setData?.({ data: { ...this.#model.data, ...picture } });
  }

  /** A kernel that runs it, or talks to the server that does, shows it by its widget. */
  #useWidget(): void {
    const model = this.#model;
    const registry = registryOf(this.panel);
    // what an untrusted notebook brings as a widget is not run
    if (this.#unmount !== null || model === null || !model.trusted || !(WIDGET_TYPE in model.data) || !registry?.mimeTypes.includes(WIDGET_TYPE)) return;
    const renderer = registry.createRenderer(WIDGET_TYPE);
    renderer.hide();
    this.panel.addWidget(renderer);
    const seen = (): void => {
      // until its kernel has told of the widget there is but text in it
      const isThere = ((renderer as unknown as Panel).widgets?.length ?? 0) > 0;
      if (isThere) this.#still.remove();
      if (isThere) renderer.show();
    };
    this.#observer = new MutationObserver(seen);
    this.#observer.observe(renderer.node, { childList: true });
    this.#unmount = () => {
      this.#observer?.disconnect();
      renderer.dispose();
    };
    renderer.renderModel(model).then(seen, () => renderer.dispose());
  }
}
