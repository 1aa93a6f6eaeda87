"""The project's own promises: one version everywhere, commands that exist, a bundle that fits its sources."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import wf_jupyter

ROOT = Path(__file__).resolve().parents[1]
FRONTEND = ROOT / "src" / "wf_jupyter" / "frontend"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def build_hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", FRONTEND / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_one_version() -> None:
    assert PROJECT["dynamic"] == ["version"], "the wheel takes it from version.py"
    assert importlib.metadata.version("wf_jupyter") == wf_jupyter.__version__
    newest = re.search(r"^## (\S+?),", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == wf_jupyter.__version__


def test_every_make_command_in_the_documents_exists() -> None:
    texts = [(ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md")]
    commands = set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)?)\b(?=[`\s])", "\n".join(map(code_of, texts))))
    assert {"demo", "test", "fast", "slow", "dev"} <= commands
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert commands <= targets
    subprocess.run(["make", "--dry-run", "demo", "test"], cwd=ROOT, capture_output=True, check=True)


def code_of(markdown: str) -> str:
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", markdown, re.DOTALL))


def test_every_script_leads_to_a_function() -> None:
    for target in PROJECT["scripts"].values():
        module, function = target.split(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_the_bundle_was_built_from_these_sources(build_hook: ModuleType) -> None:
    if not (ROOT / build_hook.BUNDLE).exists():
        pytest.skip("the bundle was not built here")
    assert build_hook.is_fresh(ROOT), "stale bundle: run `npm run build` in src/wf_jupyter/frontend"


def test_jupyterlab_finds_its_extension_where_the_package_is_installed(build_hook: ModuleType) -> None:
    folder = Path(sys.prefix, "share", "jupyter", "labextensions", "wf-jupyter")
    if not folder.exists():
        pytest.skip("the package is not installed in this environment")
    package = json.loads((folder / "package.json").read_text("utf-8"))
    assert package["version"] == wf_jupyter.__version__
    build = package["jupyterlab"]["_build"]
    script = (folder / build["load"]).read_bytes()
    assert script.startswith(b"/* wf_jupyter ")
    if build_hook.is_fresh(ROOT):
        assert script == (ROOT / build_hook.STATIC / "labextension.js").read_bytes(), "install the package again"


def test_the_build_hook_and_the_build_script_agree_on_what_is_fresh(build_hook: ModuleType) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH")
    script = "import('./build.mjs').then((build) => process.stdout.write(build.sourceHash()))"
    done = subprocess.run([node, "-e", script], cwd=FRONTEND, capture_output=True, text=True, check=True)
    assert done.stdout == build_hook.source_hash(FRONTEND)


def test_node_is_asked_for_only_when_the_bundle_is_stale_and_no_npm_is_there(
    build_hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = build_hook.BundleBuildHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel")
    folder, bundle = tmp_path / build_hook.FRONTEND, tmp_path / build_hook.BUNDLE
    (folder / "src").mkdir(parents=True)
    bundle.parent.mkdir(parents=True)
    for name in build_hook.FILES:
        (folder / name).write_text(name)
    (folder / "src" / "widget.ts").write_text("export default {};")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hook.dependencies() == [build_hook.NODE_PACKAGE]
    monkeypatch.setenv("WF_JUPYTER_SKIP_JS", "1")
    assert hook.dependencies() == []
    monkeypatch.delenv("WF_JUPYTER_SKIP_JS")
    for built in build_hook.BUILT:
        assert hook.dependencies() == [build_hook.NODE_PACKAGE]
        (tmp_path / built).write_text(f"/* wf_jupyter {build_hook.source_hash(folder)} */\nexport default {{}};\n")
    assert hook.dependencies() == []
    (folder / "src" / "widget.ts").write_text("export default { render() {} };")
    assert hook.dependencies() == [build_hook.NODE_PACKAGE]
