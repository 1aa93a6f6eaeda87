// Where the vertices of each rank stand: as near to their neighbours as order and gaps allow.
import type { Layers, Links } from "./layers.ts";

/** Least space between two nodes of a rank. */
export const GAP = 18;
const LANE = 8;

/** Centres across the direction of flow, with the least one's edge at 0. */
export function align(graph: Layers, up: Links, down: Links): number[] {
  const { layers, rank } = graph;
  const at = new Array<number>(rank.length).fill(0);
  for (const layer of layers) pack(graph, layer, at);
  const rounds = rank.length < 3_000 ? 12 : 5;
  const wish = new Float64Array(rank.length);
  const weight = new Float64Array(rank.length);
  for (let round = 0; round < rounds; round++) {
    const downwards = round % 2 === 0;
    const last = round >= rounds - 6;
    for (let i = 0; i < layers.length; i++) {
      const layer = layers[downwards ? i : layers.length - 1 - i]!;
      for (const v of layer) {
        const pulls: Pull[] = [];
        if (downwards || last) pull(graph, v, up, at, pulls);
        if (!downwards || last) pull(graph, v, down, at, pulls);
        weight[v] = pulls.reduce((sum, { weight }) => sum + weight, 0.01);
        wish[v] = pulls.length === 0 ? at[v]! : last ? median(pulls, at[v]!) : mean(pulls);
      }
      settle(graph, layer, (v) => wish[v]!, (v) => weight[v]!, at);
    }
  }
  const least = at.reduce((low, x, v) => Math.min(low, x - graph.across[v]! / 2), Number.POSITIVE_INFINITY);
  return at.map((x) => x - (Number.isFinite(least) ? least : 0));
}

/** Distance that two neighbours of a rank keep between their centres. */
export function distance(graph: Layers, left: number, right: number): number {
  const lanes = graph.dummy[left] === 1 || graph.dummy[right] === 1;
  return (graph.across[left]! + graph.across[right]!) / 2 + (lanes ? LANE : GAP);
}

/**
 * Move the vertices of a rank as near to `wish` as their order and distances allow: weighted least
 * squares, solved exactly by pooling neighbours that would overlap.
 */
export function settle(
  graph: Layers,
  layer: readonly number[],
  wish: (vertex: number) => number,
  weight: (vertex: number) => number,
  at: number[],
): void {
  const sums: number[] = [];
  const weights: number[] = [];
  const counts: number[] = [];
  const offsets: number[] = [];
  let offset = 0;
  layer.forEach((v, i) => {
    if (i > 0) offset += distance(graph, layer[i - 1]!, v);
    offsets.push(offset);
    let total = weight(v);
    let sum = total * (wish(v) - offset);
    let count = 1;
    while (sums.length > 0 && sums.at(-1)! / weights.at(-1)! > sum / total) {
      sum += sums.pop()!;
      total += weights.pop()!;
      count += counts.pop()!;
    }
    sums.push(sum);
    weights.push(total);
    counts.push(count);
  });
  let i = 0;
  counts.forEach((count, block) => {
    const start = sums[block]! / weights[block]!;
    for (let k = 0; k < count; k++, i++) at[layer[i]!] = start + offsets[i]!;
  });
}

function pack(graph: Layers, layer: readonly number[], at: number[]): void {
  layer.forEach((v, i) => {
    at[v] = i === 0 ? graph.across[v]! / 2 : at[layer[i - 1]!]! + distance(graph, layer[i - 1]!, v);
  });
}

interface Pull {
  readonly at: number;
  readonly weight: number;
}

/** Add the pull of neighbours: long edges pull most, to be straight. */
function pull(graph: Layers, v: number, { start, list }: Links, at: readonly number[], pulls: Pull[]): void {
  for (let i = start[v]!; i < start[v + 1]!; i++) {
    const other = list[i]!;
    const dummies = graph.dummy[v]! + graph.dummy[other]!;
    pulls.push({ at: at[other]!, weight: dummies === 2 ? 8 : dummies === 1 ? 2 : 1 });
  }
}

function mean(pulls: readonly Pull[]): number {
  let sum = 0;
  let all = 0;
  for (const { at, weight } of pulls) {
    sum += at * weight;
    all += weight;
  }
  return sum / all;
}

/** Where the weighted distances are least: one edge becomes straight. Of a whole range, what is nearest to `now`. */
function median(pulls: Pull[], now: number): number {
  pulls.sort((a, b) => a.at - b.at);
  const half = pulls.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let passed = 0;
  for (const [i, { at, weight }] of pulls.entries()) {
    passed += weight;
    if (passed > half) return at;
    if (passed === half) return Math.min(Math.max(now, at), pulls[i + 1]!.at);
  }
  return now;
}
