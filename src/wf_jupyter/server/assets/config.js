// What the server told this page.

export const config = JSON.parse(document.getElementById("jupyter-config-data").textContent);
export const options = config.wfJupyter;
