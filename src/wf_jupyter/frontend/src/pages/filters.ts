// Which executions the list shows: by status and by workflow, kept in the page's address, and by words, which are looked for in the page.
import type { ExecutionQuery } from "../client/client.ts";
import { html } from "../draw/element.ts";
import { matches } from "../lab/summary-words.ts";
import type { ExecutionStatus, Summary } from "../protocol/messages.gen.ts";

const STATUSES = ["running", "paused", "interrupted", "cancelling", "succeeded", "failed", "cancelled"] as const satisfies readonly ExecutionStatus[];

export class Filters {
  readonly elements: readonly HTMLElement[];
  readonly #status = html("select", "", {}, ...["", ...STATUSES].map((value) => html("option", "", { value }, value || "any")));
  readonly #workflow = html("input", "", { type: "search", placeholder: "any", autocomplete: "off", list: "wfj-list-names" });
  readonly #names = html("datalist", "", { id: "wfj-list-names" });
  readonly #known = new Set<string>();
  readonly #find = html("input", "", { type: "search", placeholder: "name, input or id", autocomplete: "off" });

  /** As the page's address says; `changed` is called when a person chose another one, `looked` while words are typed. */
  constructor(changed: () => void, looked: () => void) {
    this.#find.addEventListener("input", looked);
    this.elements = [
      html("label", "", {}, "Find ", this.#find),
      html("label", "", {}, "Status ", this.#status),
      html("label", "", {}, "Workflow ", this.#workflow, this.#names),
    ];
    const query = new URLSearchParams(location.search);
    this.#status.value = STATUSES.find((status) => status === query.get("status")) ?? "";
    this.#workflow.value = query.get("workflow") ?? "";
    for (const input of [this.#status, this.#workflow]) {
      input.addEventListener("change", () => {
        this.#keep();
        changed();
      });
    }
  }

  get query(): ExecutionQuery {
    const status = STATUSES.find((known) => known === this.#status.value);
    return { workflow: this.#workflow.value.trim(), ...(status && { status }) };
  }

  get isSet(): boolean {
    return [this.#status, this.#workflow, this.#find].some(({ value }) => value.trim() !== "");
  }

  /** Whether an execution has the words that are looked for. */
  finds(summary: Summary): boolean {
    return matches(summary, this.#find.value.trim());
  }

  /** Offer a workflow's name to whoever types. */
  offer(workflow: string): void {
    if (this.#known.has(workflow)) return;
    this.#known.add(workflow);
    this.#names.append(html("option", "", { value: workflow }));
  }

  has(element: Element): boolean {
    return element === this.#workflow || element === this.#find;
  }

  focus(): void {
    this.#find.focus();
  }

  #keep(): void {
    const { status = "", workflow = "" } = this.query;
    const query = new URLSearchParams(Object.entries({ status, workflow }).filter(([, value]) => value !== ""));
    history.replaceState(null, "", query.size > 0 ? `?${query}` : location.pathname);
  }
}
