// The edges of a small graph as elements: two paths per state, all lines and all heads. Thousands of small
// elements would cost every frame; so few cost nothing, and what went wrong lies on top.
import type { Route } from "./edges.ts";
import { svg } from "./element.ts";
import { EDGE_STATES } from "./facts.ts";

/** Shows each edge in its state. */
export class Lines {
  readonly element = svg("svg", "wfj-edges", { "aria-hidden": "true" });
  readonly #layers = EDGE_STATES.map((name) => this.element.appendChild(svg("g", `wfj-e-${name}`, {}, svg("path"), svg("path"))));
  #routes: readonly Route[] = [];
  #states: number[] = [];
  #dirty = new Set<number>();
  #incident: number[][] = [];

  /** `stateOf` tells the state of the edge between two nodes, as an index of `EDGE_STATES`. */
  constructor(private readonly stateOf: (source: number, target: number) => number) {}

  /** Other edges, or other ways; `show` is due afterwards. */
  load(routes: readonly Route[], nodes: number): void {
    this.#routes = routes;
    this.#states = [];
    this.#incident = Array.from({ length: nodes }, () => []);
    routes.forEach(({ source, target }, edge) => {
      this.#incident[source]!.push(edge);
      this.#incident[target]!.push(edge);
    });
    EDGE_STATES.forEach((_, state) => this.#dirty.add(state));
  }

  /** Nodes that wait for this one. */
  after(node: number): number[] {
    return (this.#incident[node] ?? []).map((edge) => this.#routes[edge]!.target).filter((target) => target !== node);
  }

  /** Show the edges of these nodes in their state; without nodes, all edges. */
  show(nodes?: Iterable<number>): void {
    const edges = nodes === undefined ? this.#routes.keys() : [...nodes].flatMap((node) => this.#incident[node] ?? []);
    for (const edge of edges) {
      const { source, target } = this.#routes[edge]!;
      const [before, state] = [this.#states[edge], this.stateOf(source, target)];
      if (before === state) continue;
      this.#states[edge] = state;
      this.#dirty.add(state);
      if (before !== undefined) this.#dirty.add(before);
    }
    for (const state of this.#dirty) {
      const shown = this.#routes.filter((_, edge) => this.#states[edge] === state);
      const [line, head] = this.#layers[state]!.children;
      line!.setAttribute("d", shown.map((route) => route.line).join(""));
      head!.setAttribute("d", shown.map((route) => route.head).join(""));
    }
    this.#dirty.clear();
  }
}
