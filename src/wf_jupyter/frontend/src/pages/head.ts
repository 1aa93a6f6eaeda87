// The head of an execution's page: what it is, when it began, with which inputs, and its id to copy.
import { html } from "../draw/element.ts";

const COPIED_MS = 2_000;

export interface Headed {
  readonly workflow: string;
  readonly execution_id: string;
  readonly created: string;
  readonly inputs: Readonly<Record<string, string>>;
}

/** Fill `head`, which is hidden until then. */
export function showHead(head: HTMLElement, { workflow, execution_id: id, created, inputs }: Headed): void {
  const code = html("code", "", {}, id);
  const copy = html("button", "", { type: "button", "aria-label": "Copy the id" }, "Copy");
  copy.addEventListener("click", () => {
    const said = (): void => {
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), COPIED_MS);
    };
    // where the clipboard is refused, the id is ready for the keyboard
    navigator.clipboard?.writeText(id).then(said, () => getSelection()?.selectAllChildren(code));
  });
  const began = html("time", "", { datetime: created }, new Date(created).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  const given = Object.entries(inputs).map(([name, value]) => html("div", "", {}, html("dt", "", {}, name), html("dd", "", {}, value)));
  head.replaceChildren(html("h1", "", {}, workflow), html("span", "", {}, "started ", began), html("span", "", {}, code, copy));
  if (given.length > 0) head.append(html("dl", "", { "aria-label": "Inputs" }, ...given));
  head.hidden = false;
}
