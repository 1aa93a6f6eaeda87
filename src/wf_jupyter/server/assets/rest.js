// What the server told this page, and how it is asked for more.

export const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
export const options = config.wfJupyter;

/** Ask the REST interface: JSON in and out; rejects with the server's own words. */
export async function request(path, init = {}) {
  const headers = { "Content-Type": "application/json" };
  const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1];
  if (token) headers["X-XSRFToken"] = decodeURIComponent(token);
  const answer = await fetch(`${config.baseUrl}wf-jupyter/api/v1/${path}`, { credentials: "same-origin", headers, ...init });
  const body = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.message ?? `HTTP ${answer.status}`);
  return body;
}
