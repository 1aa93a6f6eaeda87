"""Modules as a worker will import them: the user's by the content of their files, installed ones by version.

What a worker runs is the file, whatever the kernel still holds in memory. So nothing here imports or
looks into a loaded module: files are found as an import would find them, and read.
"""

from __future__ import annotations

import functools
import os
import pkgutil
import site
import sys
import sysconfig
import warnings
from collections.abc import Collection, Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NamedTuple

from wf_jupyter.values.fingerprint.bytecode import Import, Reads, reads
from wf_jupyter.values.fingerprint.hashing import hash_memory, hash_parts, text

_OWN = "wf_jupyter"
_MOST = 2_000


class FoundModule(NamedTuple):
    """A module by what it is: `digest` of its file or version, and the names of the modules that it imports.

    `content` is the digest of a file of the user's, empty for all else. `is_open` and `runs` are those
    of `bytecode.Reads`.
    """

    digest: bytes
    imports: tuple[str, ...] = ()
    content: str = ""
    is_open: bool = False
    runs: str = ""


class Modules:
    """State of modules right now. One for each submission: files and versions may change in between."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}
        self._found: dict[str, FoundModule] = {}
        self._installed: dict[str, bool] = {}
        self._stamps = stamps()

    def describe(self, name: str) -> FoundModule:
        """The module with that full name, found or not."""
        if name not in self._found:
            self._found[name] = self._describe(name)
        return self._found[name]

    def is_users(self, name: str) -> bool:
        """Whether the module is a file of the user's."""
        return bool(self.describe(name).content)

    def find_needed(self, found: Reads, package: str) -> set[str]:
        """Full names of the modules that code in `package` may load or look into."""
        named = {one for wanted in found.imports for one in self.resolve(wanted, package)}
        return {one for name in named for one in (name, *self.inside(name, found.attributes))}

    def inside(self, name: str, attributes: Collection[str]) -> Iterator[str]:
        """Modules of the user's package `name` that may be meant by attributes of it, however deep."""
        spec = None if self.is_installed(name) else self._find(name)
        if spec is None or spec.submodule_search_locations is None:
            return
        for attribute in sorted(attributes):
            found = f"{name}.{attribute}"
            if self._find(found) is not None:
                yield found
                yield from self.inside(found, attributes)

    def resolve(self, wanted: Import, package: str) -> Iterator[str]:
        """Full names of the modules that an import statement in `package` loads."""
        base = wanted.name
        if wanted.level:
            above = (wanted.package or package).split(".")
            above = above[: len(above) - wanted.level + 1]
            base = ".".join([*above, base] if base else above)
        if not base:
            return
        yield base
        if not wanted.members or self.is_installed(base):
            return
        spec = self._find(base)
        places = None if spec is None else _places(spec)
        if places is None:
            return
        if "*" in wanted.members:
            yield from (f"{base}.{found.name}" for found in pkgutil.iter_modules(places))
            return
        for member in wanted.members:
            if self._find(f"{base}.{member}") is not None:
                yield f"{base}.{member}"

    def is_installed(self, name: str) -> bool:
        """Whether the module belongs to Python, to wf_jupyter or to an installed package."""
        if name not in self._installed:
            self._installed[name] = self._looks_installed(name)
        return self._installed[name]

    def _looks_installed(self, name: str) -> bool:
        top = name.partition(".")[0]
        if top == _OWN or name in sys.builtin_module_names:
            return True
        spec = self._find(name)
        if spec is None:
            return False
        if spec.origin in ("built-in", "frozen") and top in sys.stdlib_module_names:
            return True
        return spec.has_location and spec.origin is not None and is_installed(name, spec.origin)

    def _describe(self, name: str) -> FoundModule:
        top = name.partition(".")[0]
        if self.is_installed(name):
            return FoundModule(hash_parts(b"installed", text(name), *self._version(top)))
        spec = self._find(name)
        above = (name.rpartition(".")[0],) if "." in name else ()
        if spec is None:
            return FoundModule(hash_parts(b"absent", text(name)), above)
        places = _places(spec)
        if not spec.has_location or spec.origin is None:
            return FoundModule(hash_parts(b"namespace", text(name)), above)
        data = _content(spec)
        if data is None:
            return FoundModule(hash_parts(b"unreadable", text(name)), above)
        content = hash_memory(data)
        package = name if places is not None else name.rpartition(".")[0]
        found = _analyse(content, data, spec.origin)
        needed = () if found is None else self.find_needed(found, package)
        return FoundModule(
            hash_parts(b"module", text(name), b"package" if places is not None else b"", content),
            tuple(sorted({*above, *needed} - {name})),
            content.hex(),
            found is not None and found.is_open,
            "" if found is None else found.runs,
        )

    def _version(self, top: str) -> tuple[bytes, ...]:
        if top in sys.stdlib_module_names:
            return (text(sys.version.partition(" ")[0]),)
        return installed_package(top, self._stamps)

    def _find(self, name: str) -> ModuleSpec | None:
        if name not in self._specs:
            self._specs[name] = self._search(name)
        return self._specs[name]

    def _search(self, name: str) -> ModuleSpec | None:
        parent = name.rpartition(".")[0]
        places: list[str] | None = None
        if parent:
            above = self._find(parent)
            places = None if above is None else _places(above)
            if places is None:
                return _find_loaded(name)
        for finder in sys.meta_path:
            try:
                spec = finder.find_spec(name, places, None)
            except Exception:  # a finder of the user's may do anything
                spec = None
            if spec is not None:
                return spec
        return _namespace(name, places or []) or _find_loaded(name)


def is_installed(name: str, path: str) -> bool:
    """Whether the module `name`, loaded from `path`, came with Python or a package that was installed.

    Being inside the interpreter's folder is not enough: a project may lie there, or beside it.
    """
    top = name.partition(".")[0]
    packages, library = _roots()
    if path.startswith(packages):
        return bool(installed_package(top, stamps()))
    return path.startswith(library) and top in sys.stdlib_module_names


def stamps() -> tuple[int, ...]:
    """Change whenever a package is installed, removed or replaced."""
    return tuple(_stamp(place) for place in _roots()[0])


@functools.lru_cache(maxsize=512)
def installed_package(top: str, _stamps: tuple[int, ...]) -> tuple[bytes, ...]:
    """Names, versions and contents of the distributions that brought the package `top`; none if it was only put there.

    Their lists of files hold a hash of each: a package may be installed again under the same version.
    """
    found = _distributions(top, f"{top}-")
    if not any(_lists(data, f"{top}/__init__.py,", f"{top}.py,") for _, data in found):
        found = _distributions(top, "")
    return tuple(hash_parts(text(name), data) for name, data in found)


def _distributions(top: str, prefix: str) -> list[tuple[str, bytes]]:
    """The distributions with a file below `top`, as (name, list of files); reading all takes some 50 ms."""
    found = []
    for root in _roots()[0]:
        try:
            names = sorted(entry.name for entry in Path(root).iterdir())
        except OSError:
            continue
        for name in names:
            if name.startswith(prefix) and name.endswith((".dist-info", ".egg-info")):
                data = _files_of(Path(root) / name)
                if _lists(data, f"{top}/", f"{top}.", f"{top}\n"):
                    found.append((name, data))
    return found


def _files_of(folder: Path) -> bytes:
    for name in ("RECORD", "top_level.txt"):
        try:
            return (folder / name).read_bytes()
        except OSError:
            continue
    return b""


def _lists(data: bytes, *beginnings: str) -> bool:
    """Whether a line begins so."""
    return any(data.startswith(text(one)) or b"\n" + text(one) in data for one in beginnings)


def _stamp(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


@functools.cache
def _roots() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders of installed packages, and of Python's own library, each with a separator at its end."""
    paths = sysconfig.get_paths()
    packages = {paths["purelib"], paths["platlib"], *site.getsitepackages(), site.getusersitepackages()}
    return _folder_prefixes(packages), _folder_prefixes({paths["stdlib"], paths["platstdlib"]})


def _folder_prefixes(folders: Iterable[str]) -> tuple[str, ...]:
    both = {path for folder in folders for path in (folder, str(Path(folder).resolve()))}
    return tuple(os.path.join(folder, "") for folder in sorted(both))


def _namespace(name: str, places: Iterable[str]) -> ModuleSpec | None:
    """A namespace package inside another one, which Python finds only once the outer one was imported."""
    folders = [str(Path(place) / name.rpartition(".")[2]) for place in places]
    found = [folder for folder in folders if Path(folder).is_dir()]
    if not found:
        return None
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = found
    return spec


def _find_loaded(name: str) -> ModuleSpec | None:
    """The module in this process, for one that no import would find, such as one that was loaded by its path."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if isinstance(spec, ModuleSpec):
        return spec
    path = getattr(module, "__file__", None)
    if not isinstance(path, str):
        return None
    made = ModuleSpec(name, None, origin=path, is_package=hasattr(module, "__path__"))
    made.has_location = True
    return made


def _places(spec: ModuleSpec) -> list[str] | None:
    places = spec.submodule_search_locations
    if places is None:
        return None
    # A namespace's list looks for its parent among the loaded modules, where it need not be.
    known = getattr(places, "_path", None)
    return list(known if known is not None else places)


def _content(spec: ModuleSpec) -> bytes | None:
    assert spec.origin is not None
    try:
        return Path(spec.origin).read_bytes()
    except OSError:
        pass
    try:
        data = spec.loader.get_data(spec.origin)  # type: ignore[union-attr]
    except Exception:  # a loader of the user's may do anything
        return None
    return data if isinstance(data, bytes) else None


_analysed: dict[bytes, Reads | None] = {}


def _analyse(content: bytes, data: bytes, path: str) -> Reads | None:
    """Find what a source file reads, wherever in it that stands; None of a file that is no source."""
    if content not in _analysed:
        if len(_analysed) > _MOST:
            _analysed.clear()
        try:
            with warnings.catch_warnings(action="ignore"):
                code = compile(data, path, "exec", dont_inherit=True) if path.endswith(".py") else None
        except (SyntaxError, ValueError, RecursionError):
            code = None
        _analysed[content] = None if code is None else reads(code)
    return _analysed[content]


def file_digest(path: str) -> str:
    """The `content` of a module's file, empty when it cannot be read."""
    try:
        return hash_memory(Path(path).read_bytes()).hex()
    except OSError:
        return ""
