// Fewer crossings: barycentre sweeps down and up, and swaps of neighbours, keeping the best order seen.
import type { Layers, Links } from "./layers.ts";

/** Reorder `layers` in place. The same graph gives the same order. */
export function untangle(graph: Layers, up: Links, down: Links): void {
  const { layers } = graph;
  const count = graph.rank.length;
  const sweeps = count < 3_000 ? 24 : count < 12_000 ? 10 : 6;
  const position = new Int32Array(count);
  const note = (layer: readonly number[]): void => layer.forEach((v, i) => (position[v] = i));
  layers.forEach(note);
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers, down, position);
  const weight = new Float64Array(count);
  for (let sweep = 0, idle = 0; sweep < sweeps && fewest > 0 && idle < 6; sweep++) {
    const downwards = sweep % 2 === 0;
    const link = downwards ? up : down;
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[downwards ? i : layers.length - 1 - i]!;
      for (const v of layer) weight[v] = barycentre(v, link, position);
      layer.sort((a, b) => weight[a]! - weight[b]! || position[a]! - position[b]!);
      note(layer);
    }
    if (count < 12_000) swapNeighbours(layers, up, down, position);
    const now = crossings(layers, down, position);
    idle = now < fewest ? 0 : idle + 1;
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, i) => (layers[i] = layer));
}

/** How many pairs of edges between neighbouring ranks cross. */
export function crossings(layers: readonly (readonly number[])[], down: Links, position: Int32Array): number {
  let total = 0;
  for (let r = 0; r + 1 < layers.length; r++) {
    const size = layers[r + 1]!.length;
    const tree = new Int32Array(size + 1);
    let placed = 0;
    for (const v of layers[r]!) {
      const from = down.start[v]!;
      const to = down.start[v + 1]!;
      for (let i = from; i < to; i++) {
        let before = 0;
        for (let p = position[down.list[i]!]! + 1; p > 0; p -= p & -p) before += tree[p]!;
        total += placed - before;
      }
      for (let i = from; i < to; i++) {
        for (let p = position[down.list[i]!]! + 1; p <= size; p += p & -p) tree[p]!++;
      }
      placed += to - from;
    }
  }
  return total;
}

function barycentre(v: number, { start, list }: Links, position: Int32Array): number {
  const from = start[v]!;
  const to = start[v + 1]!;
  if (from === to) return position[v]!;
  let sum = 0;
  for (let i = from; i < to; i++) sum += position[list[i]!]!;
  return sum / (to - from);
}

function swapNeighbours(layers: number[][], up: Links, down: Links, position: Int32Array): void {
  for (let round = 0, better = true; better && round < 4; round++) {
    better = false;
    for (const layer of layers) {
      for (let i = 0; i + 1 < layer.length; i++) {
        const a = layer[i]!;
        const b = layer[i + 1]!;
        if (gain(a, b, up, position) + gain(a, b, down, position) <= 0) continue;
        layer[i] = b;
        layer[i + 1] = a;
        position[b] = i;
        position[a] = i + 1;
        better = true;
      }
    }
  }
}

/** Crossings saved on one side if `a`, now left of `b`, went to its right. */
function gain(a: number, b: number, { start, list }: Links, position: Int32Array): number {
  let saved = 0;
  for (let i = start[a]!; i < start[a + 1]!; i++) {
    const p = position[list[i]!]!;
    for (let j = start[b]!; j < start[b + 1]!; j++) saved += Math.sign(p - position[list[j]!]!);
  }
  return saved;
}
