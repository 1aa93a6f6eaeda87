// A run like the one in the design pictures, as a snapshot, and as a script of later events.

const T0 = Date.now() - 84_000;
const at = (seconds) => new Date(T0 + seconds * 1000).toISOString();

const result = (type, fields) => ({ type, size: 1_240_000, ...fields });
const failure = (type, message, traceback = "") => ({ kind: "raised", type, message, traceback });

const TRACE = `Traceback (most recent call last):
  File "/home/ana/etl.py", line 41, in validate_schema
    check(frame, schema)
    ~~~~~^^^^^^^^^^^^^^^
  File "/usr/lib/python3.12/site-packages/schemas/check.py", line 212, in check
    raise ValueError(f"{missing} rows with null order_id")
\x1b[1;31mValueError\x1b[0m: 14 rows with null order_id
`;

export function snapshot() {
  const task = (key, dependencies, status, more = {}) => ({ key, name: key, dependencies, status, ...more });
  const done = (from, seconds, res) => ({ attempts: 1, started: at(from), ended: at(from + seconds), duration: seconds, result: res, worker: "worker-1" });
  const tasks = [
    task("extract_orders", [], "succeeded", done(0, 9.4, result("DataFrame", { shape: [1_240_000, 12], html: "<table><tr><th>order_id</th><th>total</th></tr><tr><td>1</td><td>9.5</td></tr></table>" }))),
    task("extract_customers", [], "cached", { ended: at(0.1), attempts: 0 }),
    task("extract_events", [], "succeeded", done(0, 21, result("DataFrame", { shape: [38_100_000, 6] }))),
    task("clean_orders", ["extract_orders"], "succeeded", done(9.6, 7.2)),
    task("validate_schema", ["extract_orders", "extract_customers"], "failed", {
      attempts: 3, started: at(26), ended: at(30), duration: 4, worker: "worker-2", logged: 3, error: failure("ValueError", "14 rows with null order_id", TRACE),
    }),
    task("sessionize", ["extract_events"], "succeeded", done(21.2, 19)),
    task("join_features", ["extract_customers", "sessionize"], "running", { attempts: 1, started: at(41), progress: { done: 62, total: 100 }, worker: "worker-3" }),
    task("upload_parquet", ["clean_orders"], "retrying", { attempts: 2, started: at(70), ended: at(80), error: failure("ConnectionError", "reset by peer"), retry_at: at(88.4) }),
    task("quality_report", ["validate_schema"], "skipped", { ended: at(30), error: { kind: "upstream", type: "", message: "validate_schema failed" } }),
    task("train_model", ["score_partition", "join_features"], "pending"),
    task("publish", ["upload_parquet", "train_model"], "pending"),
  ];
  for (let i = 0; i < 1000; i++) {
    const more = { group: "score_partition", name: "score_partition" };
    const begun = 41 + (i / 812) * 42;
    const key = `score_partition[${i}]`;
    const deps = ["clean_orders", "sessionize"];
    if ([136, 408, 651].includes(i)) tasks.push(task(key, deps, "failed", { ...more, attempts: 3, started: at(begun), ended: at(begun + 2), duration: 12.8, worker: "worker-3", error: failure("MemoryError", "cannot allocate 2.1 GiB", TRACE) }));
    else if (i < 815) tasks.push(task(key, deps, "succeeded", { ...more, ...done(begun, 1.8 + (i % 30) / 10) }));
    else if (i < 817) tasks.push(task(key, deps, "retrying", { ...more, attempts: 1, started: at(80), retry_at: at(90) }));
    else if (i < 861) tasks.push(task(key, deps, "running", { ...more, attempts: 1, started: at(82) }));
    else tasks.push(task(key, deps, "pending", more));
  }
  const counts = {};
  for (const { status } of tasks) counts[status] = (counts[status] ?? 0) + 1;
  return {
    id: "x", workflow: "orders_etl", status: "running", epoch: "e", seq: 100, created: at(-0.1), started: at(0), counts, inputs: { date: "2026-11-22" },
    groups: [{ key: "score_partition", name: "score_partition", kind: "map", size: 1000, dependencies: ["clean_orders", "sessionize"] }],
    tasks,
  };
}

/** What earlier executions took. */
export const history = {
  executions: 12,
  tasks: Object.fromEntries(Object.entries({ join_features: 58, upload_parquet: 10, train_model: 12, publish: 4, score_partition: 2.4, extract_orders: 9 }).map(
    ([name, p50]) => [name, { count: 12, p10: p50 * 0.8, p50, p90: p50 * 1.3, p95: p50 * 1.4 }])),
};

/** A small pipeline with a map of 12, a sub-workflow, and everything done. */
export function small() {
  const task = (key, dependencies, status, more = {}) => ({ key, name: key, dependencies, status, attempts: 1, started: at(1), ended: at(3), duration: 2, ...more });
  const tasks = [
    task("load", [], "succeeded", { result: result("list", { length: 12 }) }),
    ...Array.from({ length: 12 }, (_, i) => task(`fetch[${i}]`, ["load"], i === 4 ? "failed" : i > 9 ? "running" : "succeeded", { group: "fetch", name: "fetch", ...(i > 9 ? { ended: null, duration: null } : {}), ...(i === 4 ? { error: failure("TimeoutError", "no answer"), } : {}) })),
    task("train/fit", ["fetch"], "pending", { group: "train", started: null, ended: null, duration: null, attempts: 0 }),
    task("train/score", ["train/fit"], "pending", { group: "train", started: null, ended: null, duration: null, attempts: 0 }),
    task("report", ["train/score", "load"], "pending", { started: null, ended: null, duration: null, attempts: 0 }),
  ];
  return {
    id: "x", workflow: "weather", status: "running", epoch: "e", seq: 100, created: at(-0.1), started: at(0), counts: {},
    groups: [
      { key: "fetch", name: "fetch", kind: "map", size: 12, dependencies: ["load"] },
      { key: "train", name: "train", kind: "workflow" },
    ],
    tasks,
  };
}

/** `ranks` × `width` tasks that cannot be grouped. */
export function wide(ranks, width) {
  const tasks = [];
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let r = 0; r < ranks; r++) {
    for (let i = 0; i < width; i++) {
      const dependencies = r === 0 ? [] : [...new Set([i, i + Math.floor(random() * 5) - 2, i + Math.floor(random() * 5) - 2])].filter((p) => p >= 0 && p < width).map((p) => `t${r - 1}_${p}`);
      const status = r < ranks / 2 ? (random() < 0.01 ? "failed" : "succeeded") : r < ranks / 2 + 1 ? "running" : "pending";
      tasks.push({ key: `t${r}_${i}`, name: `t${r}_${i}`, dependencies, status, attempts: status === "pending" ? 0 : 1, started: status === "pending" ? null : at(r) });
    }
  }
  return { id: "x", workflow: "backfill", status: "running", epoch: "e", seq: 1, created: at(0), started: at(0), counts: {}, groups: [], tasks };
}

/** A model whose kernel answers with the snapshot, and can be made to send events. */
export function kernel(snap) {
  const hooks = new Map();
  const model = {
    get: (name) => ({ execution_id: "x", server_id: "", workflow: snap.workflow, snapshot: snap, tab: "", height: 0, history })[name],
    on: (name, hook) => hooks.set(name, hook),
    off: (name) => hooks.delete(name),
    send: () => undefined,
  };
  let seq = snap.seq;
  const tell = (...events) => hooks.get("msg:custom")?.({ kind: "events", execution_id: "x", events: events.map((event) => ({ seq: ++seq, time: new Date().toISOString(), ...event })) });
  return { model, tell };
}
