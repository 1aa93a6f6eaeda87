// What a task is called with: short texts, and the tasks whose results stand there, one press away.
import { isObject } from "../protocol/decode.ts";
import { button, html } from "../draw/element.ts";
import { fact } from "../draw/format.ts";
import type { Session } from "./session.ts";

const MOST = 20;
const LONGEST = 80;

/** The section on the arguments of the task `key`; hidden while nothing is known of them. */
export async function showInputs(section: HTMLElement, session: Session, key: string, select: (key: string) => void): Promise<void> {
  const { inputs } = await session.ask("inputs", { task: key });
  if (!Array.isArray(inputs) || inputs.length === 0) return;
  const list = html("dl", "wfj-inputs");
  for (const input of inputs.filter(isObject)) {
    const sources = Array.isArray(input["sources"]) ? input["sources"].map(String) : [];
    const text = String(input["text"] ?? "");
    const links = sources.slice(0, MOST).flatMap((source, i) => [i > 0 ? ", " : "", link(session, source, select)]);
    const more = sources.length > MOST ? ` and ${sources.length - MOST} more` : "";
    const isPart = sources.length === 1 && (text === "" || text.startsWith("["));
    const said = isPart ? [...links, text, preview(session, sources[0]!, text)] : [text, sources.length > 0 ? " from " : "", ...links, more];
    list.append(html("dt", "", {}, String(input["name"])), html("dd", "", {}, ...said));
  }
  section.replaceChildren(html("h4", "wfj-caption", {}, "Inputs"), list);
  section.hidden = false;
}

function link(session: Session, key: string, select: (key: string) => void): Node {
  const { rows, groupRows } = session.run;
  if (!rows.has(key) && !groupRows.has(key)) return document.createTextNode(key);
  return button(key, "wfj-link wfj-anchor", () => select(key), `Show ${key}`);
}

/** What the task gave, where the whole of it is the argument. */
function preview(session: Session, key: string, part: string): Node {
  const row = session.run.rows.get(key);
  const result = row === undefined || part !== "" ? undefined : session.run.tasks.results.get(row);
  const text = fact(result) || (result?.text ?? "");
  return html("span", "wfj-dim", {}, text ? ` ${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}` : "");
}
