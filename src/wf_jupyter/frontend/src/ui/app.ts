// One view of a session: header, one of three pictures, a detail below, the strip at the bottom.
import type { Event } from "../protocol/messages.gen.ts";
import type { ConnectionState } from "../protocol/source.ts";
import type { Changes } from "../fold/run.ts";
import { FAILED, isFinalExecution, RETRYING, RUNNING } from "../fold/statuses.ts";
import { button, html } from "../draw/element.ts";
import { GraphView } from "../draw/graph.ts";
import { AdoptedSheet } from "../draw/sheets.ts";
import { isDark, readPalette, watchTheme, type Palette } from "../draw/palette.ts";
import { Announcer } from "./announcer.ts";
import { Drawer } from "./drawer.ts";
import { drawn } from "../layout/visible-graph.ts";
import { leftWords, plan } from "./estimate.ts";
import { firstFailure, Footer } from "./footer.ts";
import { Header, type Tab } from "./header.ts";
import { TaskPanel } from "./panel.ts";
import { ReplayBar } from "./replay.ts";
import { RunAgain } from "./run-again.ts";
import { STYLE } from "./style.ts";
import type { Listener, Session } from "./session.ts";
import { TableView } from "./table.ts";
import { TimelineView } from "./timeline.ts";

const TEXT_MS = 100;
const TICK_MS = 250;
const LEFT_MS = 1_000;
const PATIENCE_MS = 3_000;
const WAITING = "Waiting for an answer. A kernel that is busy answers when it is idle.";

/** How a view begins. `height` limits the picture, in pixels; 0 for the default. */
export interface ViewOptions {
  readonly tab: Tab;
  readonly height: number;
}

/** The view in `root`. After `dispose` nothing of it is left: no listener, timer, observer or element. */
export class App implements Listener {
  readonly #root: HTMLElement;
  readonly #header: Header;
  readonly #footer: Footer;
  readonly #announcer = new Announcer();
  readonly #graph: GraphView;
  readonly #table: TableView;
  readonly #timeline: TimelineView;
  readonly #body = html("div", "wfj-body", { role: "tabpanel" });
  readonly #detail = html("div", "wfj-detail-area");
  readonly #bar = html("div", "wfj-replay-area");
  readonly #rewind = button("Replay", "wfj-command wfj-tool", () => void this.#replay());
  readonly #again: RunAgain;
  #replayEnd: AbortController | null = null;
  #left: readonly [string, string] = ["", ""];
  #leftAt = 0;
  readonly #sheet = new AdoptedSheet(STYLE);
  readonly #ending = new AbortController();
  readonly #leave: () => void;
  #panel: TaskPanel | null = null;
  #drawer: Drawer | null = null;
  #drawerEnd: AbortController | null = null;
  #tab: Tab;
  #palette: Palette | null = null;
  #seen = false;
  #missed = false;
  #texts: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly session: Session,
    place: HTMLElement,
    options: ViewOptions,
  ) {
    const { signal } = this.#ending;
    this.#tab = options.tab;
    this.#root = html("div", "wfj-root", { "data-lm-suppress-shortcuts": "true", role: "region", "aria-label": `Workflow ${session.run.workflow}` });
    this.#header = new Header({
      tab: (tab) => this.#open(tab),
      command: async (command) => void (await this.#command(session.ask(command))),
      filter: (status) => {
        this.#table.filter(status);
        this.#open("table");
      },
      reconnect: () => session.nudge(),
    });
    const palette = (): Palette => this.#colours();
    this.#graph = new GraphView(session.run, null, {
      select: (key) => (key === null ? this.#closePanel() : this.#select(key)),
      drawer: (key) => this.#openDrawer(key),
      palette,
    }, signal);
    this.#graph.height = options.height;
    this.#table = new TableView(session, (key) => this.#select(key), signal);
    this.#timeline = new TimelineView(session, (key) => this.#select(key), signal);
    this.#table.height = this.#timeline.height = options.height || 480;
    this.#footer = new Footer({ open: (key) => this.#select(key, true), next: () => this.#nextFailure(), retry: (task) => this.#retry(task) });
    this.#root.append(
      this.#header.element, this.#bar, this.#body, this.#detail, this.#footer.element, this.#announcer.element,
    );
    this.#root.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#again = new RunAgain(session, (answer) => this.#command(answer), (said) => this.#footer.notice(said));
    this.#header.tools.append(this.#again.element, this.#rewind);
    this.#root.classList.toggle("wfj-still", session.isFile);
    this.#root.classList.toggle("wfj-dark", isDark());
    place.append(this.#root);
    this.#sheet.follow(this.#root);
    this.#leave = session.join(this);
    // what is known already is drawn once, and before the page is painted; colours and width are asked while little is there
    session.flush();
    this.#seen = true;
    this.#missed = false;
    this.#colours();
    this.#open(this.#tab);
    this.#watch();
    this.#showTexts();
    this.connection(session.state);
  }

  // -- the session tells ----------------------------------------------------------------------------

  changed(changes: Changes): void {
    if (!this.#seen) {
      this.#missed = true;
      return;
    }
    this.#picture().changed(changes);
    this.#panel?.changed(changes);
    this.#drawer?.changed(changes);
    this.#texts ??= setTimeout(() => this.#showTexts(), TEXT_MS);
  }

  connection(state: ConnectionState): void {
    const { run, clock } = this.session;
    this.#header.connection(state, run, Date.now());
    // At once: beside "stale" stands the moment that it speaks of.
    this.#header.tick(run, clock.now(), this.#left);
    this.#header.tools.hidden = !this.session.canReplay;
    this.#texts ??= setTimeout(() => this.#showTexts(), TEXT_MS);
    this.#root.classList.toggle("wfj-stale", ["waiting", "gone", "refused"].includes(state.kind));
  }

  said(event: Event & { type: "task.log" | "task.output" }): void {
    this.#panel?.said(event);
  }

  rewound(): void {
    const key = this.#panel?.key;
    this.#root.classList.toggle("wfj-still", this.session.isFile || this.session.isReplaying);
    if (!this.session.isReplaying) this.#closeReplay();
    this.#left = ["", ""];
    if (key === undefined) return;
    this.#panel = null;
    this.#select(key);
  }

  /** Remove everything. */
  dispose(): void {
    this.#leave();
    this.#ending.abort();
    this.#drawerEnd?.abort();
    if (this.#replayEnd !== null) this.session.present();
    this.#replayEnd?.abort();
    clearTimeout(this.#texts);
    this.#drawer?.dispose();
    this.#graph.dispose();
    this.#sheet.remove();
    this.#root.remove();
  }

  // -- time, size, theme ----------------------------------------------------------------------------

  #watch(): void {
    const { signal } = this.#ending;
    const timer = setInterval(() => this.#tick(), TICK_MS);
    const sizes = new ResizeObserver(() => this.#resized());
    sizes.observe(this.#root);
    const sight = new IntersectionObserver((entries) => this.#sight(entries.at(-1)!.isIntersecting));
    sight.observe(this.#root);
    const unwatch = watchTheme(() => this.#theme());
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      sizes.disconnect();
      sight.disconnect();
      unwatch();
    });
  }

  #theme(): void {
    const dark = isDark();
    if (this.#root.classList.contains("wfj-dark") === dark) return;
    this.#root.classList.toggle("wfj-dark", dark);
    this.#palette = null;
    this.#refresh();
  }

  /** The colours of the page; kept once they are real: an element that is not in the page yet has none. */
  #colours(): Palette {
    if (this.#palette !== null) return this.#palette;
    const read = readPalette(this.#root);
    if (this.#root.isConnected) this.#palette = read;
    return read;
  }

  #sight(seen: boolean): void {
    this.#seen = seen;
    if (!seen || !this.#missed) return;
    this.#missed = false;
    this.#refresh();
  }

  #resized(): void {
    this.#sheet.follow(this.#root);
    if (this.#root.clientWidth === 0) return;
    for (const [name, least] of [["wfj-narrow", 560], ["wfj-medium", 680]] as const) this.#root.classList.toggle(name, this.#root.clientWidth < least);
    // Jupyter builds a view before it is in the page: what was drawn until now had no colours.
    if (this.#palette === null) this.#refresh();
    if (this.#tab === "graph") this.#graph.resized();
    this.#drawer?.resized();
  }

  #tick(): void {
    if (!this.#seen || document.visibilityState === "hidden") return;
    const { run, clock, state } = this.session;
    const now = clock.now();
    this.#header.tick(run, now, this.#timeLeft(now));
    this.#header.connection(state, run, Date.now());
    if (isFinalExecution(run.status) || state.kind === "saved") return;
    if (run.counts[RUNNING]! + run.counts[RETRYING]! === 0) return;
    this.#picture().tick(now);
    this.#panel?.tick();
  }

  /** Everything anew, after time out of sight or in another theme. */
  #refresh(): void {
    this.#picture().changed({ tasks: new Set(), groups: new Set(), structure: true });
    this.#drawer?.show();
    this.#panel?.show();
    this.#showTexts();
  }

  #showTexts(): void {
    clearTimeout(this.#texts);
    this.#texts = undefined;
    const { run, clock } = this.session;
    this.#header.show(run);
    this.#header.tick(run, clock.now(), this.#left);
    this.#again.show();
    this.#footer.show(run, this.session.canAsk && ["running", "failed", "cancelled"].includes(run.status), this.#tellsFailure);
    this.#announcer.show(run, Date.now());
    this.#root.setAttribute("aria-label", `Workflow ${run.workflow}`);
    this.#root.dataset["status"] = run.status;
    this.#root.dataset["execution"] = run.id;
  }

  /** Whether panel or drawer show a task that failed: then its error and what can be done stand there alone. */
  get #tellsFailure(): boolean {
    if (this.#drawer?.tellsFailure) return true;
    const row = this.session.run.rows.get(this.#panel?.key ?? "");
    return row !== undefined && this.session.run.tasks.status[row] === FAILED;
  }

  // -- people ---------------------------------------------------------------------------------------

  #picture(): { changed(changes: Changes): void; tick(now: number): void } {
    const { session } = this;
    if (this.#tab === "table") return this.#table;
    if (this.#tab === "timeline") return this.#timeline;
    return {
      changed: (changes) => this.#graph.update(changes, session.clock.now()),
      tick: (now) => this.#graph.refresh(now),
    };
  }

  #open(tab: Tab): void {
    this.#tab = tab;
    this.#header.tab = tab;
    const pictures = { graph: this.#graph, timeline: this.#timeline, table: this.#table };
    this.#body.replaceChildren(pictures[tab].element);
    this.#body.setAttribute("aria-label", tab);
    if (tab === "graph") this.#graph.resized();
    this.#picture().changed({ tasks: new Set(), groups: new Set(), structure: true });
    if (tab === "table") void this.session.loadUsages().then(() => this.#tab === "table" && this.#table.refresh());
    if (tab === "timeline") void this.session.loadAttempts().then(() => this.#tab === "timeline" && this.#timeline.refresh());
  }

  #select(key: string, error = false): void {
    const { run } = this.session;
    if (!run.rows.has(key) && run.groupRows.has(key)) return this.#openDrawer(key);
    this.#graph.mark(key);
    if (this.#panel?.key !== key) {
      this.#panel = new TaskPanel(this.session, key, () => this.#root.classList.contains("wfj-dark"), () => this.#closePanel(), (name) => this.#select(name));
      this.#showDetail();
    }
    if (error) this.#panel.showError();
  }

  #closePanel(): void {
    const key = this.#panel?.key;
    this.#panel = null;
    this.#graph.mark(null);
    this.#showDetail();
    if (key !== undefined && this.#tab === "graph") this.#graph.focus(key);
  }

  #openDrawer(key: string | null): void {
    this.#drawer?.dispose();
    this.#drawerEnd?.abort();
    this.#drawer = null;
    this.#graph.drawer = key;
    if (key !== null) {
      this.#drawerEnd = new AbortController();
      this.#drawer = new Drawer(this.session, key, {
        close: () => this.#openDrawer(null),
        select: (name) => this.#select(name),
        drawer: (name) => this.#openDrawer(name),
        palette: () => this.#colours(),
        retry: (task) => this.#retry(task),
        changed: () => this.#showTexts(),
      }, this.#drawerEnd.signal);
    }
    this.#showDetail();
    this.#drawer?.changed({ tasks: new Set(), groups: new Set(), structure: true });
    this.#drawer?.resized();
  }

  #showDetail(): void {
    if (this.#drawer !== null) this.#drawer.isLed = this.#panel !== null;
    this.#showTexts();
    const parts = [this.#drawer, this.#panel].flatMap((part) => (part === null ? [] : [part.element]));
    this.#detail.replaceChildren(...parts);
  }

  /** What is left in words, looked at once a second. */
  #timeLeft(now: number): readonly [string, string] {
    const { run, attempts, history } = this.session;
    if (this.session.isReplaying || isFinalExecution(run.status) || run.status === "paused") return (this.#left = ["", ""]);
    if (Math.abs(now - this.#leftAt) < LEFT_MS) return this.#left;
    this.#leftAt = now;
    return (this.#left = leftWords(plan(run, drawn(run), attempts, history, now), history));
  }

  async #replay(): Promise<void> {
    if (this.#replayEnd !== null) return this.session.present();
    const begun = new AbortController();
    this.#replayEnd = begun;
    this.#rewind.setAttribute("aria-pressed", "true");
    try {
      await this.#command(this.session.record());
    } catch {
      return this.#closeReplay();
    }
    if (begun.signal.aborted) return;
    const bar = new ReplayBar(this.session, () => this.session.present(), begun.signal);
    this.#bar.replaceChildren(bar.element);
    bar.start();
  }

  #closeReplay(): void {
    this.#replayEnd?.abort();
    this.#replayEnd = null;
    this.#rewind.setAttribute("aria-pressed", "false");
    this.#bar.replaceChildren();
  }

  #nextFailure(): void {
    if (this.#tab !== "graph") this.#open("graph");
    const key = this.#graph.nextFailure(this.#panel?.key ?? this.#drawer?.key ?? null);
    if (key === null) return;
    this.#graph.focus(key);
    if (this.session.run.groupRows.has(key)) this.#openDrawer(key);
    else this.#select(key);
  }

  #retry(task: string): void {
    void this.#command(this.session.ask("retry", { task })).catch(() => undefined);
  }

  async #command<T>(answer: Promise<T>): Promise<T> {
    this.#footer.notice("");
    const waits = setTimeout(() => this.#footer.notice(WAITING), PATIENCE_MS);
    try {
      const answered = await answer;
      clearTimeout(waits);
      if (this.#footer.message === WAITING) this.#footer.notice("");
      return answered;
    } catch (error) {
      clearTimeout(waits);
      this.#footer.notice(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #key(event: KeyboardEvent): void {
    const typing = (event.target as Element).closest("input, select, textarea") !== null;
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n" && firstFailure(this.session.run) >= 0) this.#nextFailure();
    else if (event.key === "Escape" && this.#panel !== null) this.#closePanel();
    else if (event.key === "Escape" && this.#drawer !== null) this.#openDrawer(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
