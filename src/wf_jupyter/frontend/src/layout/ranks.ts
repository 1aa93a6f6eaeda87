// Which rank (row of a top-to-bottom drawing) each node stands in.

/** Ranks from 0, and per edge whether it may be drawn: an edge that closes a cycle is left out. */
export interface Ranking {
  readonly rank: number[];
  readonly kept: Uint8Array;
}

/** Longest path, then nodes with at least as many ways out as in are pulled to what they feed. */
export function ranks(n: number, sources: ArrayLike<number>, targets: ArrayLike<number>): Ranking {
  const kept = new Uint8Array(sources.length).fill(1);
  const out = adjacency(n, sources);
  const into = adjacency(n, targets);
  const rank = new Array<number>(n).fill(0);
  const order = topological(n, sources, targets, out, into, kept);
  for (const node of order) {
    for (const edge of out(node)) {
      const target = targets[edge]!;
      if (kept[edge]) rank[target] = Math.max(rank[target]!, rank[node]! + 1);
    }
  }
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const below = out(node).filter((edge) => kept[edge]);
    if (below.length === 0 || below.length < into(node).filter((edge) => kept[edge]).length) continue;
    rank[node] = below.reduce((least, edge) => Math.min(least, rank[targets[edge]!]! - 1), Number.POSITIVE_INFINITY);
  }
  return { rank, kept };
}

/** Declaration order wins among nodes that are ready; a cycle is cut at its first declared node. */
function topological(
  n: number,
  sources: ArrayLike<number>,
  targets: ArrayLike<number>,
  out: (node: number) => readonly number[],
  into: (node: number) => readonly number[],
  kept: Uint8Array,
): number[] {
  const waiting = new Int32Array(n);
  for (let edge = 0; edge < targets.length; edge++) {
    if (sources[edge] === targets[edge]) kept[edge] = 0;
    else waiting[targets[edge]!]!++;
  }
  const done = new Uint8Array(n);
  const order: number[] = [];
  const take = (node: number): void => {
    done[node] = 1;
    order.push(node);
  };
  for (let node = 0; node < n; node++) if (waiting[node] === 0) take(node);
  for (let next = 0, first = 0; order.length < n || next < order.length; ) {
    if (next === order.length) {
      while (done[first]) first++;
      for (const edge of into(first)) if (!done[sources[edge]!]) kept[edge] = 0;
      take(first);
    }
    for (const edge of out(order[next++]!)) {
      const target = targets[edge]!;
      if (kept[edge] && !done[target] && --waiting[target]! === 0) take(target);
    }
  }
  return order;
}

/** Edges by the node at one of their ends. */
export function adjacency(n: number, ends: ArrayLike<number>): (node: number) => readonly number[] {
  const lists: number[][] = Array.from({ length: n }, () => []);
  for (let edge = 0; edge < ends.length; edge++) lists[ends[edge]!]!.push(edge);
  return (node) => lists[node]!;
}
