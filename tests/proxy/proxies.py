"""nginx and Apache as processes of our own, as an ordinary user or as root, on free ports."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.jupyter_process import free_port, until

SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/libexec/apache2")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "administrators.md"

NGINX = """
daemon off; worker_processes 1; error_log {directory}/error.log; pid {directory}/pid; {user}
events {{ worker_connections 200; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    {http}
    server {{
        listen 127.0.0.1:{port}{tls};
        {server}
    }}
}}
"""
APACHE = """
ServerRoot {directory}
{modules}
PidFile {directory}/pid
ErrorLog {directory}/error.log
LogFormat "%>s %m %U" short
CustomLog {directory}/access.log short
DefaultRuntimeDir {directory}
Mutex posixsem
Listen 127.0.0.1:{port}
ServerName localhost
{user}
<VirtualHost *:{port}>
{server}
</VirtualHost>
"""


class Proxy:
    """A running proxy; `requests` is its access log."""

    def __init__(self, directory: Path, port: int, command: list[str]) -> None:
        self.port = port
        self.directory = directory
        with (directory / "output").open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory)
        until(self._answers, f"the proxy does not answer; see {directory}", 30)

    @property
    def requests(self) -> str:
        return (self.directory / "access.log").read_text()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(15)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.directory / "output").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def nginx(directory: Path, server: str, http: str = "", certificate: tuple[Path, Path] | None = None) -> Proxy:
    """nginx with these directives of a `server` block."""
    binary = shutil.which("nginx", path=SBIN) or pytest.skip("nginx is not installed: .ci/proxies installs it")
    directory.mkdir()
    if certificate is not None:
        server = f"ssl_certificate_key {certificate[0]}; ssl_certificate {certificate[1]};\n{server}"
    port = free_port()
    (directory / "nginx.conf").write_text(
        NGINX.format(
            directory=directory,
            port=port,
            http=http,
            server=server,
            tls=" ssl" if certificate else "",
            # Its workers would become another user, who may not enter this directory.
            user="user root;" if os.geteuid() == 0 else "",
        )
    )
    return Proxy(directory, port, [binary, "-c", str(directory / "nginx.conf"), "-e", str(directory / "error.log")])


def apache(directory: Path, server: str) -> Proxy:
    """Apache with these directives of a `VirtualHost`."""
    binary = shutil.which("apache2", path=SBIN) or shutil.which("httpd", path=SBIN)
    where = next((folder for folder in MODULES if Path(folder, "mod_proxy_http.so").exists()), "")
    if not binary or not where:
        pytest.skip("Apache is not installed: .ci/proxies installs it")
    directory.mkdir()
    port = free_port()
    names = (
        "mpm_event",
        "unixd",
        "authz_core",
        "log_config",
        "proxy",
        "proxy_http",
        "proxy_wstunnel",
        "rewrite",
        "headers",
    )
    loaded = [
        f"LoadModule {name}_module {where}/mod_{name}.so" for name in names if Path(where, f"mod_{name}.so").exists()
    ]
    (directory / "httpd.conf").write_text(
        APACHE.format(
            directory=directory,
            port=port,
            modules="\n".join(loaded),
            server=server,
            user="User #65534\nGroup #65534" if os.geteuid() == 0 else "",
        )
    )
    return Proxy(directory, port, [binary, "-DFOREGROUND", "-f", str(directory / "httpd.conf")])


def documented(language: str, port: int, prefix: str) -> str:
    """What the page for administrators says, for a server at this port below this prefix."""
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1].replace("127.0.0.1:8888", f"127.0.0.1:{port}").replace("/jupyter/", prefix)
