// A graph from far away: one column per rank, each with its nodes in at most a hundred bins.

/** Columns of bins. Bins are numbered through: those of column `c` are `first[c]` up to `first[c + 1]`. */
export interface Overview {
  readonly columns: number;
  /** How many ranks share one column. */
  readonly ranksPerColumn: number;
  readonly first: Int32Array;
  /** Column of each bin, and how many nodes it holds. */
  readonly columnOf: Int32Array;
  readonly size: Uint32Array;
  /** Bin of each node. */
  readonly binOf: Int32Array;
  readonly ribbons: readonly Ribbon[];
}

/** All edges from one bin to another. */
export interface Ribbon {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const BINS = 100;
const MOST_RIBBONS = 4_000;

/** The overview of a graph whose nodes have a rank and stand in `order`, in at most `most` columns. */
export function overview(
  rank: ArrayLike<number>,
  order: ArrayLike<number>,
  edges: { readonly sources: ArrayLike<number>; readonly targets: ArrayLike<number> },
  most: number,
): Overview {
  const n = rank.length;
  let ranks = 0;
  for (let node = 0; node < n; node++) ranks = Math.max(ranks, rank[node]! + 1);
  const ranksPerColumn = Math.max(1, Math.ceil(ranks / Math.max(1, most)));
  const columns = Math.ceil(ranks / ranksPerColumn);
  const members: number[][] = Array.from({ length: columns }, () => []);
  for (let i = 0; i < n; i++) members[Math.floor(rank[order[i]!]! / ranksPerColumn)]!.push(order[i]!);
  const first = new Int32Array(columns + 1);
  members.forEach((nodes, column) => (first[column + 1] = first[column]! + Math.min(BINS, nodes.length)));
  const columnOf = new Int32Array(first[columns]!);
  const size = new Uint32Array(first[columns]!);
  const binOf = new Int32Array(n);
  members.forEach((nodes, column) => {
    const many = Math.min(BINS, nodes.length);
    columnOf.fill(column, first[column], first[column + 1]);
    nodes.forEach((node, i) => {
      const bin = first[column]! + Math.floor((i * many) / nodes.length);
      binOf[node] = bin;
      size[bin]!++;
    });
  });
  return { columns, ranksPerColumn, first, columnOf, size, binOf, ribbons: ribbons(edges, binOf, columnOf) };
}

function ribbons(
  { sources, targets }: { readonly sources: ArrayLike<number>; readonly targets: ArrayLike<number> },
  binOf: Int32Array,
  columnOf: Int32Array,
): Ribbon[] {
  const counts = new Map<number, number>();
  const many = columnOf.length;
  for (let edge = 0; edge < sources.length; edge++) {
    const [from, to] = [binOf[sources[edge]!]!, binOf[targets[edge]!]!];
    if (columnOf[from] !== columnOf[to]) counts.set(from * many + to, (counts.get(from * many + to) ?? 0) + 1);
  }
  const all = [...counts].map(([name, count]) => ({ from: Math.floor(name / many), to: name % many, count }));
  return all.length <= MOST_RIBBONS ? all : all.sort((a, b) => b.count - a.count).slice(0, MOST_RIBBONS);
}
