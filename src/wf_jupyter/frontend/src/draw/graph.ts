// The live graph: a window on the stage that zooms, pans and takes keys, and grows without jumping.
import type { Changes, Run } from "../fold/run.ts";
import { FAILED } from "../fold/statuses.ts";
import { button, html, setText } from "./element.ts";
import { nodeStatus } from "./facts.ts";
import { nearest, type Direction } from "./nearest.ts";
import type { Palette } from "./palette.ts";
import { Scene } from "./scene.ts";
import { NEAR, Stage } from "./stage.ts";
import { Viewport } from "./viewport.ts";

const PADDING = 20;
/** From this width on the flow goes from left to right. */
const WIDE = 900;
const TALLEST = 540;
const LOWEST = 96;
/** Fits by itself down to this scale; a larger graph starts readable and is panned. */
const READABLE = 0.7;
const COMFORTABLE = 0.85;
const STEP = 1.25;

/** What the graph reports. */
export interface GraphActions {
  /** A card was chosen; null when the choice was taken back. */
  select(key: string | null): void;
  /** A group that is too large for its card was opened or closed. */
  drawer(key: string | null): void;
  palette(): Palette;
}

/** The graph of one scope of a run. */
export class GraphView {
  readonly element = html("div", "wfj-graph");
  readonly #percent = html("span", "wfj-percent");
  readonly #tidy: HTMLButtonElement;
  readonly #empty = html("p", "wfj-empty", { hidden: true });
  readonly #viewport: Viewport;
  readonly #scene: Scene;
  readonly #stage: Stage;
  #tallest = TALLEST;
  #now = Date.now();

  /** `scope` is the key of the group whose inside is drawn, null for the whole run. */
  constructor(
    private readonly run: Run,
    scope: string | null,
    private readonly actions: GraphActions,
    signal: AbortSignal,
  ) {
    const zoomButton = (label: string, text: string, act: () => void): HTMLButtonElement => button(text, "wfj-zoom-button", act, label);
    this.#tidy = zoomButton("Lay the graph out again", "Tidy up", () => this.#arrange(true));
    this.#tidy.hidden = true;
    const controls = html("div", "wfj-zoom", { role: "group", "aria-label": "Zoom" });
    controls.append(
      this.#tidy,
      zoomButton("Zoom out", "−", () => this.#viewport.zoom(1 / STEP)),
      this.#percent,
      zoomButton("Zoom in", "+", () => this.#viewport.zoom(STEP)),
      zoomButton("Fit the graph", "Fit", () => this.fit()),
    );
    this.element.append(this.#empty, controls);
    this.#scene = new Scene(run, scope);
    const group = { toggle: (key: string) => this.#toggle(key), open: (key: string) => this.actions.select(key) };
    const label = `Tasks of ${scope ?? run.workflow}`;
    this.#stage = new Stage(run, this.#scene, this.element, () => actions.palette(), group, label);
    this.#viewport = new Viewport(this.element, () => this.#moved(), signal);
    this.element.addEventListener("click", (event) => this.#click(event), { signal });
    this.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.element.addEventListener("focusin", (event) => this.#focused(event.target as Element), { signal });
  }

  /** Limit the height, in pixels; 0 for the default. */
  set height(pixels: number) {
    this.#tallest = pixels > 0 ? pixels : TALLEST;
    this.#place();
  }

  /** Bring the drawing up to date with what changed. */
  update(changes: Changes, now: number): void {
    this.#now = now;
    if (changes.structure || this.#scene.isEmpty) {
      this.#rebuild();
      this.refresh(now);
      return;
    }
    const touched = new Set<number>();
    const { of } = this.#scene.graph;
    const touch = (key: string): void => {
      const node = of(key);
      if (node !== undefined) touched.add(node);
    };
    for (const row of changes.tasks) touch(this.run.tasks.keys[row]!);
    for (const group of changes.groups) touch(this.run.groups[group]!.key);
    this.#stage.update(touched, now);
  }

  /** Show everything anew: time has passed, the theme changed, or the view was out of sight. */
  refresh(now: number): void {
    this.#now = now;
    this.#stage.refresh(now);
  }

  /** The window has another width. */
  resized(): void {
    const width = this.element.clientWidth;
    if (width === 0) return;
    if (width >= WIDE !== this.#scene.turned && !this.#scene.isEmpty) this.#arrange(false);
    else this.#place();
  }

  /** Show the whole graph. */
  fit(): void {
    this.#viewport.touched = false;
    this.#place(true);
  }

  /** Mark a task or group as chosen, without telling; null for none. */
  mark(key: string | null): void {
    this.#stage.marks.selected = key;
    this.#stage.mark();
    const node = key === null ? undefined : this.#scene.graph.of(key);
    if (node !== undefined) this.#reveal(node);
  }

  /** Tell which group the drawer shows. */
  set drawer(key: string | null) {
    this.#stage.marks.drawer = key;
    this.#stage.mark();
    this.refresh(this.#now);
  }

  /** Put the focus on a node; false when it is not drawn here. */
  focus(key: string): boolean {
    const node = this.#scene.graph.of(key);
    if (node === undefined) return false;
    this.#reveal(node);
    this.#stage.cardOf(node)?.focus({ preventScroll: true });
    return true;
  }

  /** The key of the next failed node after `after`, in order of declaration; null when there is none. */
  nextFailure(after: string | null): string | null {
    const { nodes, of } = this.#scene.graph;
    const start = after === null ? -1 : (of(after) ?? -1);
    for (let i = 1; i <= nodes.length; i++) {
      const node = nodes[(start + i + nodes.length) % nodes.length]!;
      const { group } = node;
      const failed = group < 0 ? nodeStatus(this.run, node) === FAILED : this.run.groups[group]!.counts[FAILED]! > 0;
      if (failed) return node.key;
    }
    return null;
  }

  /** Free what the page does not collect by itself. */
  dispose(): void {
    this.#stage.dispose();
  }

  // -- drawing --------------------------------------------------------------------------------------

  #rebuild(): void {
    this.#turn();
    const rebuilt = this.#scene.rebuild(this.#room, (node) => this.#stage.unmount(node));
    if (rebuilt === "new") this.#stage.clear();
    this.#redraw();
    this.#empty.hidden = this.#scene.graph.nodes.length > 0;
    setText(this.#empty, this.run.status === "pending" ? "Waiting for the first task" : "This workflow has no tasks");
  }

  /** Lay everything out again. */
  #arrange(refit: boolean): void {
    this.#turn();
    this.#scene.arrange(this.#room);
    if (refit) this.#viewport.touched = false;
    this.#redraw();
    this.refresh(this.#now);
  }

  #redraw(): void {
    this.#stage.redraw();
    this.#tidy.hidden = this.#scene.inserted === 0;
    this.#place();
  }

  #turn(): void {
    if (this.element.clientWidth > 0) this.#scene.turned = this.element.clientWidth >= WIDE;
  }

  get #room(): number {
    return (this.#scene.turned ? this.#tallest : this.element.clientWidth || 700) - 2 * PADDING;
  }

  /** Give the window its height and, unless a person has moved it, the drawing its place. */
  #place(all = false): void {
    const width = this.element.clientWidth;
    if (this.#scene.isEmpty || width === 0) return;
    const { width: w, height: h } = this.#scene;
    const across = Math.min(1, (width - 2 * PADDING) / Math.max(1, w));
    const whole = Math.min(across, (this.#tallest - 2 * PADDING) / Math.max(1, h));
    const readable = across < READABLE ? COMFORTABLE : Math.max(whole, Math.min(across, READABLE));
    const { touched, view } = this.#viewport;
    const scale = touched ? view.scale : all || this.#stage.isFar ? whole : readable;
    const wanted = Math.round(Math.min(this.#tallest, Math.max(LOWEST, h * scale + 2 * PADDING)));
    const height = touched ? Math.max(wanted, this.element.clientHeight) : wanted;
    this.element.style.height = `${height}px`;
    if (touched) return this.#moved();
    const x = Math.max(PADDING, (width - w * scale) / 2);
    const y = Math.max(PADDING, (height - h * scale) / 2);
    this.#viewport.set({ scale, x, y });
  }

  #moved(): void {
    const { view } = this.#viewport;
    this.element.classList.toggle("wfj-tiny", view.scale < 0.6);
    setText(this.#percent, `${Math.round(view.scale * 100)} %`);
    this.#stage.look(view);
  }

  #reveal(node: number): void {
    if (this.#scene.isEmpty || this.element.clientWidth === 0) return;
    const { scale } = this.#viewport.view;
    if (this.#stage.isFar && scale < NEAR) this.#viewport.zoom(COMFORTABLE / scale);
    this.#viewport.reveal(this.#scene.box(node));
  }

  // -- people ---------------------------------------------------------------------------------------

  #click(event: MouseEvent): void {
    const target = event.target as Element;
    if (target.closest("button")) return;
    const key = target.closest<HTMLElement>(".wfj-card")?.dataset["key"] ?? this.#keyAt(event);
    if (key === null) this.#select(null);
    else this.#activate(key);
  }

  /** The node under the pointer where there are no cards. */
  #keyAt(event: MouseEvent): string | null {
    if (!this.#stage.isFar) return null;
    const frame = this.element.getBoundingClientRect();
    const { scale, x, y } = this.#viewport.view;
    const [px, py] = [(event.clientX - frame.left - x) / scale, (event.clientY - frame.top - y) / scale];
    const hit = this.#scene.graph.nodes.findIndex((_, node) => {
      const box = this.#scene.box(node);
      return px >= box.x && px <= box.x + box.width && py >= box.y && py <= box.y + box.height;
    });
    return this.#scene.graph.nodes[hit]?.key ?? null;
  }

  #activate(key: string): void {
    if (this.run.groupRows.has(key)) this.#toggle(key);
    else this.#select(key === this.#stage.marks.selected ? null : key);
  }

  #select(key: string | null): void {
    this.mark(key);
    this.actions.select(key);
  }

  /** Open a group: a small map in its card, anything larger in the drawer. */
  #toggle(key: string): void {
    if (!this.#scene.toggle(key)) return this.actions.drawer(this.#stage.marks.drawer === key ? null : key);
    this.#redraw();
    this.refresh(this.#now);
  }

  #focused(target: Element): void {
    const key = target.closest<HTMLElement>(".wfj-card")?.dataset["key"];
    const node = key === undefined ? undefined : this.#scene.graph.of(key);
    if (node === undefined || node === this.#stage.marks.current) return;
    this.#stage.marks.current = node;
    this.#stage.mark();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = this.#scene.graph.nodes[this.#stage.marks.current]?.key ?? null;
    const onCard = (event.target as Element).closest("button") === null;
    if (event.key.startsWith("Arrow")) this.#step(event.key.slice(5).toLowerCase() as Direction);
    else if ((event.key === "Enter" || event.key === " ") && key !== null && onCard) this.#activate(key);
    else if (event.key === "+" || event.key === "=") this.#viewport.zoom(STEP);
    else if (event.key === "-") this.#viewport.zoom(1 / STEP);
    else if (event.key === "0" || event.key === "f") this.fit();
    else if (event.key === "Home") this.#focusNode(0);
    else if (event.key === "End") this.#focusNode(this.#scene.graph.nodes.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #step(direction: Direction): void {
    const boxes = this.#scene.graph.nodes.map((_, node) => this.#scene.box(node));
    if (boxes.length > 0) this.#focusNode(nearest(boxes, Math.max(0, this.#stage.marks.current), direction, this.#scene.turned));
  }

  #focusNode(node: number): void {
    const key = this.#scene.graph.nodes[node]?.key;
    if (key !== undefined) this.focus(key);
  }
}
