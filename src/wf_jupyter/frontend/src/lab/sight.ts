// Whether somebody can see an execution on this page.

/** A view of it is in the window, and nothing lies over it. */
export function isInSight(execution: string): boolean {
  if (document.visibilityState !== "visible") return false;
  const views = document.querySelectorAll(`.wfj-root[data-execution="${CSS.escape(execution)}"]`);
  return [...views].some((view) => {
    const { left, right, top, bottom } = view.getBoundingClientRect();
    const x = (Math.max(left, 0) + Math.min(right, innerWidth)) / 2;
    const y = (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2;
    const over = right > left && bottom > top ? document.elementFromPoint(x, y) : null;
    return over !== null && (view.contains(over) || over.shadowRoot?.contains(view) === true);
  });
}
