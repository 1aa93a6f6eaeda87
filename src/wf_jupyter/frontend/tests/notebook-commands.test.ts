// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { drawFlow, type FlowCell } from "../src/lab/data-flow.ts";
import { addNotebookCommands, FAILED_CELL, FLOW, RUN } from "../src/lab/notebook-commands.ts";
import { indexOf, type NotebookPanel } from "../src/lab/notebook-page.ts";

type Given = [source: string, tag?: string];

function panelOf(...cells: Given[]): NotebookPanel {
  const widgets = cells.map(([source, tag]) => ({
    node: document.createElement("div"),
    model: { type: source.startsWith("# ") ? "markdown" : "code", getMetadata: () => (tag === undefined ? [] : [tag]), sharedModel: { getSource: () => source } },
  }));
  return {
    id: "book",
    context: { path: "dir/book.ipynb", model: { dirty: true }, save: vi.fn(async () => undefined) },
    content: { widgets, activeCellIndex: 0, scrollToItem: vi.fn(async () => undefined) },
  } as unknown as NotebookPanel;
}

function services(answer: object) {
  const asked: string[] = [];
  const shutdown = vi.fn(async () => undefined);
  const requestExecute = ({ code }: { code: string }) => {
    asked.push(code);
    const future = { onIOPub: (_: unknown) => undefined, done: Promise.resolve() };
    future.done = Promise.resolve().then(() => {
      const text = `noise\nwf-jupyter:${JSON.stringify(answer)}\n`;
      for (const piece of [text.slice(0, 9), text.slice(9)]) future.onIOPub({ header: { msg_type: "stream" }, content: { name: "stdout", text: piece } });
    });
    return future;
  };
  return { asked, shutdown, sessions: { startNew: vi.fn(async () => ({ kernel: { requestExecute }, shutdown })) }, kernelspecs: { specs: { default: "python3" } } };
}

function application(panel: NotebookPanel, answer: object) {
  const commands = new Map<string, { execute: (given: object) => unknown; isEnabled: () => boolean }>();
  const added: { widget: { node: HTMLElement }; options: unknown }[] = [];
  const manager = services(answer);
  const app = {
    commands: { addCommand: (id: string, command: never) => commands.set(id, command) },
    shell: {
      currentWidget: panel,
      widgets: () => [panel],
      activateById: vi.fn(),
      add: (widget: { node: HTMLElement }, _: string, options: unknown) => added.push({ widget, options }),
    },
    serviceManager: manager,
  };
  const around = {
    create: (node: HTMLElement) => ({ node, id: "", title: {} }),
    open: vi.fn(async () => undefined),
    complain: vi.fn(),
    summaries: () => [{ id: "one", workflow: "book.ipynb", status: "failed" }],
    snapshot: async () => ({ failed: ["Numbers/3: x = y"], tasks: [{ key: "1: parameters" }, { key: "2: parameters" }, { key: "Numbers/3: x = y" }] }),
  };
  addNotebookCommands(app as never, { palette: null } as never, around as never);
  return { commands, added, around, manager, app };
}

const CELLS: FlowCell[] = [
  { number: 1, position: 1, label: "imports", group: "", decision: "reused", sentence: "reused: as it was", from: [] },
  { number: 2, position: 3, label: "use", group: "", decision: "runs", sentence: "runs: its text is new", from: [{ number: 1, names: ["np"] }] },
];

describe("the number of a cell that runs", () => {
  it("counts code that is neither blank nor skipped, and a cell with parameters after the tagged one", () => {
    const panel = panelOf(["# title"], ["n = 1", "parameters"], [" "], ["skipped", "skip-execution"], ["x = y"]);
    expect([1, 2, 3].map((number) => indexOf(panel, number, false))).toEqual([1, 4, -1]);
    expect([1, 2, 3].map((number) => indexOf(panel, number, true))).toEqual([1, -1, 4]);
  });
});

describe("commands on the open notebook", () => {
  it("save it, submit it in a kernel of its own, and open the execution beside it", async () => {
    const panel = panelOf(["x = 1"]);
    const { commands, around, manager } = application(panel, { id: "abc", workflow: "book.ipynb" });
    await commands.get(RUN)!.execute({});
    expect(panel.context.save).toHaveBeenCalled();
    expect(manager.asked).toEqual(['from wf_jupyter.notebooks import page\npage.submit("book.ipynb")']);
    expect(manager.sessions.startNew).toHaveBeenCalledWith(expect.objectContaining({ path: expect.stringMatching(/^dir\/wf-jupyter-/) }));
    expect(manager.shutdown).toHaveBeenCalled();
    expect(around.open).toHaveBeenCalledWith({ id: "abc", workflow: "book.ipynb" }, "book");
  });

  it("tell what was wrong with it", async () => {
    const { commands, around } = application(panelOf(["x"]), { error: "it is in R" });
    await commands.get(RUN)!.execute({});
    expect(around.complain).toHaveBeenCalledWith("The notebook was not run: it is in R");
  });

  it("draw its data flow, where a press goes to the cell", async () => {
    const panel = panelOf(["# a"], ["import numpy as np"], ["# b"], ["np"]);
    const { commands, added } = application(panel, { cells: CELLS });
    await commands.get(FLOW)!.execute({});
    const { widget, options } = added[0]!;
    expect(options).toEqual({ mode: "split-right", ref: "book" });
    expect(widget.node.textContent).toContain("np from In [1]");
    expect(widget.node.querySelectorAll("path")).toHaveLength(1);
    widget.node.querySelectorAll("button")[1]!.click();
    expect(panel.content.activeCellIndex).toBe(3);
  });

  it("go to the cell that failed", async () => {
    const panel = panelOf(["n = 1", "parameters"], ["# Numbers"], ["x = y"]);
    const { commands, around } = application(panel, {});
    expect(commands.get(FAILED_CELL)!.isEnabled()).toBe(true);
    await commands.get(FAILED_CELL)!.execute({});
    expect(around.complain).not.toHaveBeenCalled();
    expect(panel.content.activeCellIndex).toBe(2);
  });
});

describe("the picture of the data flow", () => {
  it("lights the arcs of a cell that has the focus", () => {
    const host = document.createElement("div");
    drawFlow(host, CELLS, () => undefined);
    host.querySelectorAll("button")[0]!.dispatchEvent(new Event("focus"));
    expect(host.querySelectorAll(".wfj-flow-on")).toHaveLength(1);
  });
});
