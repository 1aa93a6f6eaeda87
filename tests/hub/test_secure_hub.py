"""A JupyterHub over https, on a name that is not localhost, with certificates between all its parts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser import launched
from tests.saved import saved

from .hub import Hub
from .visitor import START, comes_to_live, log_in

pytestmark = [pytest.mark.slow, pytest.mark.ui, pytest.mark.timeout(600)]

PUBLIC = "hub.example.test"


@pytest.mark.place("JupyterHub over https on a public name, `internal_ssl`", "kernel", "Lab", "page", "REST", "restart")
def test_over_https_with_a_name_of_its_own_and_certificates_between_all_parts(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    directory = tmp_path_factory.mktemp("secure")
    key, certificate = certified(directory)
    config = [
        f"c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = {str(key)!r}, {str(certificate)!r}",
        "c.JupyterHub.internal_ssl = True",
        # The proxy asks the Hub and the servers for certificates of the name that people use.
        f"c.JupyterHub.trusted_alt_names = c.Spawner.ssl_alt_names = ['DNS:{PUBLIC}']",
        # By default below the Hub's working directory, which is not that of the servers.
        f"c.JupyterHub.internal_certs_location = {str(directory / 'certificates')!r}",
    ]
    secure = Hub(directory, host=PUBLIC, config=config).start()
    try:
        secure.add("anna")
        server = secure.start_server("anna")
        place, execution = server.run(START).split()
        assert place == "server"
        assert server.status(f"wf-jupyter/api/v1/executions/{execution}") == 200
        rules = f"--host-resolver-rules=MAP {PUBLIC} 127.0.0.1"
        with launched(rules, "--ignore-certificate-errors") as browser:
            context = browser.new_context()
            lab, page = context.new_page(), context.new_page()
            log_in(page, secure, "anna")
            saved(server, execution, secure.home("anna"))
            lab.goto(f"{secure.url}user/anna/lab/tree/{execution}.ipynb?reset", wait_until="commit")
            page.goto(f"{secure.url}user/anna/wf-jupyter/executions/{execution}")
            for opened in (page, lab):
                opened.locator(".wfj-root").first.wait_for(timeout=90_000)
                comes_to_live(opened, 90)
            lab.close()
            secure.stop_server("anna")
            secure.start_server("anna")
            comes_to_live(page, 90)
    finally:
        secure.stop()


def certified(directory: Path) -> tuple[Path, Path]:
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={PUBLIC}"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return key, certificate
