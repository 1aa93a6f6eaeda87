// A login that a page can renew by itself: a Hub, or a proxy with single sign-on, knows the person still, and
// gives a new cookie to whoever is sent there and back. Only a navigation is sent there, so it is one, out of sight.

/** Between two attempts: where a person must type something, trying again does not help. */
const PAUSE_MS = 60_000;
/** A way there and back that takes longer is given up. */
const PATIENCE_MS = 15_000;

let renewedAt = Number.NEGATIVE_INFINITY;
let renewing: Promise<boolean> | null = null;

/** Visit `page` in a frame without scripts, and tell whether that was done: not when it was tried a short while ago. */
export function renewLogin(page: string): Promise<boolean> {
  if (renewing === null && Date.now() - renewedAt >= PAUSE_MS && document.body !== null) {
    renewing = visit(page).finally(() => {
      renewedAt = Date.now();
      renewing = null;
    });
  }
  return renewing ?? Promise.resolve(false);
}

function visit(page: string): Promise<boolean> {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.title = "login";
  // Cookies are set, and nothing of what is answered runs.
  frame.setAttribute("sandbox", "allow-same-origin");
  return new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(true), PATIENCE_MS);
    frame.onload = frame.onerror = () => {
      clearTimeout(timer);
      resolve(true);
    };
    frame.src = page;
    document.body.append(frame);
  }).finally(() => frame.remove());
}
