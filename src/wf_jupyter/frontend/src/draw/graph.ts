// The live graph: a window on the stage that zooms, pans and takes keys, and grows without jumping.
import type { Changes, Run } from "../fold/run.ts";
import { FAILED, RETRYING, RUNNING } from "../fold/statuses.ts";
import { Camera, PADDING } from "./camera.ts";
import { roomyWidth } from "./card.ts";
import { around, filtered, hasFailed, type Filter } from "./choice.ts";
import { EdgeHints } from "./edge-hints.ts";
import { html, setText } from "./element.ts";
import { nodeStatus } from "./facts.ts";
import { Finder } from "./finder.ts";
import { closest, isAlong, nearest, type Direction } from "./nearest.ts";
import type { Palette } from "./palette.ts";
import { Scene } from "./scene.ts";
import { Stage } from "./stage.ts";
import { Tools } from "./tools.ts";
import { count } from "./format.ts";

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
  readonly element = html("div", "wfj-graph-box");
  readonly #window = html("div", "wfj-graph");
  readonly #empty = html("p", "wfj-empty", { hidden: true });
  readonly #tools: Tools;
  readonly #finder: Finder;
  readonly #edges = new EdgeHints((node) => this.#focusNode(node));
  readonly #scene: Scene;
  readonly #stage: Stage;
  readonly #camera: Camera;
  #filter: Filter = "all";
  #focused: string | null = null;
  #failed = 0;
  #roomy: number | null = null;
  #now = Date.now();

  /** `scope` is the key of the group whose inside is drawn, null for the whole run. */
  constructor(
    private readonly run: Run,
    scope: string | null,
    private readonly actions: GraphActions,
    signal: AbortSignal,
  ) {
    this.#tools = new Tools({
      tidy: () => this.#arrange(true),
      zoom: (direction) => this.#camera.zoom(direction),
      fit: () => this.fit(),
      find: () => this.#finder.open(),
      filter: (filter) => this.#show(filter, null),
      focus: () => this.#focus(),
    });
    this.#finder = new Finder(run, (key) => this.#found(key), () => this.#stage.tree.focus({ preventScroll: true }));
    this.#window.append(this.#empty, this.#finder.element, this.#edges.element);
    this.element.append(this.#window, this.#tools.strip);
    this.#scene = new Scene(run, scope, () => this.#placed());
    const group = { toggle: (key: string) => this.#toggle(key), open: (key: string) => this.actions.select(key) };
    const label = `Tasks of ${scope ?? run.workflow}`;
    this.#stage = new Stage(run, this.#scene, this.#window, () => actions.palette(), group, label);
    this.#camera = new Camera(this.#window, this.#scene, this.#stage, this.#tools.percent, signal, () => this.#words(), () => this.#beyond(), () => this.#foremost());
    this.#window.addEventListener("click", (event) => this.#click(event), { signal });
    this.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#window.addEventListener("focusin", (event) => this.#entered(event.target as Element), { signal });
  }

  /** Limit the height, in pixels; 0 for the default. */
  set height(pixels: number) {
    this.#camera.tallest = pixels;
    this.#camera.place();
  }

  /** Bring the drawing up to date with what changed. */
  update(changes: Changes, now: number): void {
    this.#now = now;
    if (changes.structure || this.#scene.isEmpty) {
      this.#rebuild();
      this.#stage.refresh(now);
      return;
    }
    if ((this.#filter === "problems" || this.#filter === "failed") && this.run.counts[FAILED] !== this.#failed) return this.#show(this.#filter, null);
    const touched = new Set<number>();
    const { of } = this.#scene.graph;
    const touch = (key: string): void => {
      const node = of(key);
      if (node !== undefined) touched.add(node);
    };
    for (const row of changes.tasks) touch(this.run.tasks.keys[row]!);
    for (const group of changes.groups) touch(this.run.groups[group]!.key);
    this.#stage.update(touched, now);
    this.#beyond();
  }

  /** Time has passed. */
  refresh(now: number): void {
    this.#now = now;
    this.#stage.tick(now);
  }

  /** The window has another width. */
  resized(): void {
    const width = this.#camera.measure();
    if (width === 0) return;
    // Jupyter builds a view before it is in the page, where no letter has a width
    const isFirst = this.#roomy === null && this.#window.isConnected;
    if (isFirst && !this.#scene.isEmpty) this.#arrange(false);
    else this.#camera.place();
  }

  /** Show the whole graph. */
  fit(): void {
    this.#camera.fit();
  }

  /** Mark a task or group as chosen, without telling; null for none. */
  mark(key: string | null): void {
    this.#stage.marks.selected = key;
    this.#stage.mark();
    const node = key === null ? undefined : this.#scene.graph.of(key);
    if (node !== undefined) this.#camera.reveal(node);
    this.#words();
  }

  /** Tell which group the drawer shows. */
  set drawer(key: string | null) {
    this.#stage.marks.drawer = key;
    this.#stage.mark();
    this.refresh(this.#now);
  }

  /** Put the focus on a node; false when it is not drawn here. */
  focus(key: string): boolean {
    if (this.#scene.graph.of(key) === undefined && this.#scene.whole.of(key) !== undefined) this.#show("all", null);
    const node = this.#scene.graph.of(key);
    if (node === undefined) return false;
    this.#stage.marks.current = node;
    this.#camera.reveal(node);
    this.#stage.mark();
    (this.#stage.cardOf(node, key) ?? this.#stage.tree).focus({ preventScroll: true });
    return true;
  }

  /** The key of the next failed node after `after`, in order of declaration; null when there is none. */
  nextFailure(after: string | null): string | null {
    const { whole } = this.#scene;
    const many = whole.nodes.length;
    const start = after === null ? -1 : (whole.of(after) ?? -1);
    for (let i = 1; i <= many; i++) {
      const node = (start + i + many) % many;
      if (hasFailed(this.run, whole, node)) return whole.nodes[node]!.key;
    }
    return null;
  }

  /** Free what the page does not collect by itself. */
  dispose(): void {
    this.#scene.dispose();
    this.#stage.dispose();
  }

  // -- drawing --------------------------------------------------------------------------------------

  #rebuild(): void {
    this.#prepare();
    const rebuilt = this.#scene.rebuild(this.#room, (node) => this.#stage.unmount(node));
    if (rebuilt === "new") this.#stage.clear();
    this.#redraw();
  }

  /** Lay everything out again. */
  #arrange(refit: boolean): void {
    this.#prepare();
    this.#scene.arrange(this.#room);
    if (refit) this.#camera.release();
    this.#redraw();
    this.#stage.refresh(this.#now);
  }

  /** Draw a part of the graph: by a filter, or a task with its kin. */
  #show(filter: Filter, focused: string | null): void {
    this.#filter = filter;
    this.#focused = focused;
    this.#failed = this.run.counts[FAILED]!;
    this.#prepare();
    this.#scene.keep(focused === null ? filtered(this.run, filter, this.#scene.whole) : around(focused), this.#room);
    this.#stage.clear();
    this.#stage.marks.current = focused === null ? 0 : (this.#scene.graph.of(focused) ?? 0);
    this.#camera.release();
    this.#redraw();
    this.#stage.refresh(this.#now);
  }

  #redraw(): void {
    this.#stage.redraw();
    this.#camera.place();
    this.#empty.hidden = this.#scene.graph.nodes.length > 0;
    const none = this.run.status === "pending" ? "Waiting for the first task" : "This workflow has no tasks";
    setText(this.#empty, this.#filter === "open" ? "Every task is done" : this.#filter === "problems" ? "Nothing has failed" : none);
    this.#words();
  }

  #placed(): void {
    this.#stage.redraw();
    const node = this.#camera.placed();
    this.#stage.refresh(this.#now);
    if (node !== null && this.element.contains(document.activeElement)) this.#focusNode(node);
    this.#words();
  }

  #prepare(): void {
    if (!this.#window.isConnected) return;
    this.#roomy ??= roomyWidth(this.#window);
    this.#scene.wish = { card: this.#roomy, whole: this.#camera.comfortable };
  }

  get #room(): number {
    return this.#camera.tallest - 2 * PADDING;
  }

  #words(): void {
    const { graph, whole, inserted } = this.#scene;
    const part = `${count(graph.nodes.length)} of ${count(whole.nodes.length)} shown`;
    const subject = this.#focused !== null ? `${this.#focused}, what it needs and what needs it` : this.#filter === "open" ? "What was not done yet" : "What failed, and what waits in vain";
    const isPart = this.#focused !== null || (this.#filter !== "all" && this.#filter !== "failed");
    const { isOverview, barcode, marks } = this.#stage;
    this.#tools.show({
      nodes: whole.nodes.length,
      inserted,
      filter: this.#filter,
      focused: this.#focused !== null,
      chosen: marks.selected !== null && whole.of(marks.selected) !== undefined,
      line: isPart ? `${subject} · ${part}` : isOverview ? barcode.caption : "",
      hint: isPart || !isOverview ? "" : "Next problem n · find / · zoom in for cards",
    });
  }

  /** Tell at each edge of the window what has failed, or runs, beyond it. */
  #beyond(): void {
    const { graph, isPlaced } = this.#scene;
    const { counts } = this.run;
    if (!isPlaced || this.#stage.isOverview || counts[FAILED]! + counts[RUNNING]! + counts[RETRYING]! === 0) return this.#edges.show([], null);
    const urgent = [...graph.nodes.keys()].flatMap((node) => {
      const isFailed = hasFailed(this.run, graph, node);
      return isFailed || this.#runs(node) ? [{ node, isFailed, box: this.#scene.box(node) }] : [];
    });
    this.#edges.show(urgent, this.#camera);
  }

  #runs(node: number): boolean {
    return [RUNNING, RETRYING].includes(nodeStatus(this.run, this.#scene.graph.nodes[node]!));
  }

  /** The node that one wants to see first: what failed, else what runs; -1 for the beginning. */
  #foremost(): number {
    const { graph } = this.#scene;
    const failed = graph.nodes.findIndex((_, node) => hasFailed(this.run, graph, node));
    return failed >= 0 ? failed : graph.nodes.findIndex((_, node) => this.#runs(node));
  }

  // -- people ---------------------------------------------------------------------------------------

  #click(event: MouseEvent): void {
    const target = event.target as Element;
    if (target.closest("button, select, .wfj-finder")) return;
    const card = keyOf(target);
    // beside the cards inside an open one there is nothing to press
    if (target.closest(".wfj-card, .wfj-inside")?.matches(".wfj-inside")) return;
    const point = this.#camera.at(event.clientX, event.clientY);
    if (card === undefined && this.#stage.isOverview) return this.#surveyed(point.left, point.top);
    const key = card ?? this.#keyAt(point.x, point.y);
    if (key === null) this.#select(null);
    else this.#activate(key);
  }

  /** A press on the overview: to what failed there, else to the cards. */
  #surveyed(x: number, y: number): void {
    const { graph } = this.#scene;
    const failed = this.#stage.barcode.hit(x, y).find((node) => hasFailed(this.run, graph, node));
    if (failed === undefined) return this.#camera.enter(x, y);
    const { key } = graph.nodes[failed]!;
    this.focus(key);
    this.#select(key);
  }

  /** The node at a point where there are no cards. */
  #keyAt(x: number, y: number): string | null {
    if (this.#stage.isSmall) return null;
    const { boxes, graph } = this.#scene;
    for (let node = 0, b = 0; b < boxes.length; node++, b += 4) {
      if (x >= boxes[b]! && x <= boxes[b]! + boxes[b + 2]! && y >= boxes[b + 1]! && y <= boxes[b + 1]! + boxes[b + 3]!) return graph.nodes[node]!.key;
    }
    return null;
  }

  #activate(key: string): void {
    if (this.run.groupRows.has(key)) this.#toggle(key);
    else this.#select(key === this.#stage.marks.selected ? null : key);
  }

  #select(key: string | null): void {
    this.mark(key);
    this.actions.select(key);
  }

  #found(key: string): void {
    this.#finder.element.hidden = true;
    this.focus(key);
    this.#select(key);
  }

  #focus(): void {
    if (this.#focused !== null) return this.#show("all", null);
    const { marks } = this.#stage;
    const current = this.#scene.graph.nodes[marks.current]?.key ?? null;
    const key = marks.selected ?? marks.drawer ?? current;
    const node = key === null ? undefined : this.#scene.whole.of(key);
    if (node === undefined) return;
    this.#show("all", this.#scene.whole.nodes[node]!.key);
    this.focus(this.#scene.whole.nodes[node]!.key);
  }

  /** Open a group: a small map in its card, anything larger in the drawer. */
  #toggle(key: string): void {
    const node = this.#scene.graph.of(key);
    const before = node === undefined || !this.#scene.isPlaced ? null : this.#camera.onScreen(this.#scene.box(node));
    if (!this.#scene.toggle(key)) return this.actions.drawer(this.#stage.marks.drawer === key ? null : key);
    const { scale } = this.#camera;
    this.#redraw();
    if (before !== null) this.#camera.hold(node!, before, scale);
    this.#stage.refresh(this.#now);
  }

  #entered(target: Element): void {
    const key = keyOf(target);
    const node = key === undefined ? undefined : this.#scene.graph.of(key);
    if (node === undefined || node === this.#stage.marks.current) return;
    this.#stage.marks.current = node;
    this.#stage.mark();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as Element;
    if (target.closest("input, select") !== null) return;
    const { nodes } = this.#scene.graph;
    const key = keyOf(target) ?? nodes[this.#stage.marks.current]?.key ?? null;
    const onCard = target.closest("button") === null;
    if (event.key.startsWith("Arrow")) this.#step(event.key.slice(5).toLowerCase() as Direction, key);
    else if ((event.key === "Enter" || event.key === " ") && key !== null && onCard) this.#activate(key);
    else if (event.key === "+" || event.key === "=") this.#camera.zoom(1);
    else if (event.key === "-") this.#camera.zoom(-1);
    else if (event.key === "0" || event.key === "f") this.fit();
    else if (event.key === "/") this.#finder.open();
    else if (event.key === "o") this.#focus();
    else if (event.key === "Escape" && (this.#focused !== null || this.#filter !== "all")) this.#show("all", null);
    else if (event.key === "Home") this.#focusNode(0);
    else if (event.key === "End") this.#focusNode(nodes.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Along the flow the arrows follow edges; across it, and where no edge leads on, they go to what is nearest. */
  #step(direction: Direction, key: string | null): void {
    const { graph, isPlaced } = this.#scene;
    const from = Math.max(0, this.#stage.marks.current);
    const within = key === null ? undefined : this.#stage.insideOf(from)?.next(key, direction);
    if (within !== undefined) return within.focus();
    if (!isPlaced || this.#stage.isOverview) return this.#focusNode(from);
    const boxes = graph.nodes.map((_, node) => this.#scene.box(node));
    if (boxes.length === 0) return;
    const linked = isAlong(direction) ? this.#stage.linked(from, direction === "right") : [];
    this.#focusNode(linked.length > 0 ? closest(boxes, from, linked) : nearest(boxes, from, direction));
  }

  #focusNode(node: number): void {
    const key = this.#scene.graph.nodes[node]?.key;
    if (key !== undefined) this.focus(key);
  }
}

/** The task or group whose card holds an element. */
function keyOf(target: Element): string | undefined {
  return target.closest<HTMLElement>(".wfj-card")?.dataset["key"];
}
