"""Rules by which the text of a cell excludes reuse, or anything but a run in order. Each gives its reason.

The rules know the usual names of what cannot be observed. A cell that does nothing of the kind but looks as if is run
once more than needed; the other way round would be wrong, so in doubt a name is on the list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from wf_jupyter.notebooks.flow import Flow, flow_of
from wf_jupyter.notebooks.libraries import calls_in_text
from wf_jupyter.notebooks.source import Cell


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANY_NAME = _words(
    "exec eval globals locals vars dir compile get_ipython __builtins__ gc ctypes inspect importlib __import__ "
    "builtins exit quit weakref WeakSet WeakValueDictionary WeakKeyDictionary signal linecache __annotations__ "
    "__main__ doctest"
)
_ANY_ATTRIBUTE = _words(
    "_getframe currentframe modules reload user_ns get_objects settrace setprofile import_module __subclasses__ "
    "last_value last_type last_traceback last_exc getrefcount active_count"
)
#: What goes on after the cell has ended, or is behind a number.
_GOES_ON = _words(
    "create_task ensure_future call_later call_soon call_at add_done_callback run_in_executor setitimer "
    "run_coroutine_threadsafe call_soon_threadsafe"
)
_NUMBERS = _words("open pipe pipe2 dup dup2 openpty memfd_create eventfd fdopen fileno")
#: Functions that look up names in the frame that calls them, which stand in a text.
_FRAMES = _words(
    "query eval evaluate ols wls gls glm rlm logit probit poisson mnlogit negativebinomial mixedlm gee phreg quantreg "
    "from_formula dmatrix dmatrices sqldf sql"
)
_CLOCKS = _words("now today utcnow perf_counter monotonic process_time time_ns ctime localtime gmtime")
_CHANCE = _words(
    "urandom uuid1 uuid4 token_hex token_bytes token_urlsafe randbits SystemRandom secrets mkdtemp mkstemp mktemp"
)
_UNSEEDED = _words("default_rng RandomState Random SeedSequence PCG64 MT19937 Philox SFC64 seed")
_MACHINE = _words(
    "getpid getppid gethostname cpu_percent virtual_memory getloadavg memory_info getrusage getlogin getuser cpu_count"
)
_QUESTIONS = _words(
    "exists isfile is_file isdir is_dir stat lstat getmtime getsize which lexists getatime getctime samefile access "
    "disk_usage"
)
_NATIVE = _words(
    "read_parquet read_feather read_hdf read_orc scan_csv scan_parquet open_dataset open_mfdataset HDFStore "
    "ParquetFile to_parquet to_feather to_hdf to_orc sink_csv sink_parquet write_parquet open_zarr memmap mmap "
    "imwrite"
)
_NATIVE_MODULES = _words("polars duckdb h5py netCDF4 zarr cv2 tables pyarrow rasterio vaex shelve dbm")
_TIMES = ("%time", "%%time", "%prun", "%%prun", "%lprun", "%memit", "%%memit", "%mprun")
_VARIABLES = _words("environ getenv expandvars")
_SAFE_MAGICS = _words(
    "matplotlib config cd precision load_ext reload_ext autoreload env set_env capture html HTML latex markdown svg "
    "javascript js writefile"
)
_PROGRAMS = _words("system getoutput sx bash sh script pip conda mamba perl ruby pypy cmd python python3 uv micromamba")


@dataclass(frozen=True)
class Rules:
    """Reasons, or empty texts: `in_order` for everything above and below it, `whole` for the whole notebook."""

    in_order: str = ""
    never: str = ""
    whole: str = ""
    compares_identity: bool = False
    has_frames: bool = False
    calls: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


def rules_of(cell: Cell) -> Rules:
    """Find what the text and the tags of a cell exclude."""
    found = _of_source(cell.source)
    in_order = "it is tagged wf:order" if "wf:order" in cell.tags else found.in_order
    never = "it is tagged wf:always" if "wf:always" in cell.tags else found.never
    return replace(found, in_order=in_order, never=never)


@lru_cache(maxsize=1024)
def _of_source(source: str) -> Rules:
    flow = flow_of(source)
    if flow.tree is None:
        return Rules(in_order="it is not read as Python")
    history = (name for name in sorted(flow.reads) if _is_history(name))
    return Rules(
        in_order=next(_barriers(flow, flow.tree), ""),
        never=next(_always(flow, flow.tree, source), ""),
        whole=next((f"it reads {name}, which holds what cells above showed" for name in history), ""),
        compares_identity=bool({"id", "hash"} & flow.reads)
        or any(_compares_identity(node) for node in ast.walk(flow.tree)),
        has_frames=bool((flow.attributes | flow.reads) & _FRAMES),
        calls=tuple(sorted(set(calls_in_text(flow.tree)))),
        seeds=tuple(_seeds(flow.tree)),
        asks=tuple(sorted(set(_asks(flow.tree)))),
    )


def _barriers(flow: Flow, tree: ast.Module) -> Iterator[str]:
    for name in sorted((flow.reads | _imported_modules(tree)) & _ANY_NAME):
        if name != "get_ipython":
            yield f"it uses {name}, which can reach any name"
    for name in sorted((flow.attributes | _imported_modules(tree)) & _GOES_ON):
        yield f"what it starts by {name} may go on after it"
    for name in sorted(flow.attributes & _ANY_ATTRIBUTE):
        yield f"it uses {name}, which can reach any name"
    plain = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield f"from {node.module} import * binds names that are not known before"
        if isinstance(node, ast.ExceptHandler) and node.type is not None and "NameError" in ast.unparse(node.type):
            yield "it asks by NameError whether a name is bound"
        if isinstance(node, ast.Name) and node.id == "get_ipython":
            plain += 1
        if isinstance(node, ast.FunctionDef) and node.name == "__del__":
            yield "its objects do something when they go (__del__)"
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in _NUMBERS:
            yield f"what os.{node.attr} opens is a number, and how far it was read is not seen"
    magics = list(magics_of(tree))
    for magic in magics:
        if magic not in _SAFE_MAGICS | _PROGRAMS | {"time", "timeit"}:
            yield f"%{magic} can do anything"
    if plain > len(magics):
        yield "it uses get_ipython, which can reach any name"


def magics_of(tree: ast.Module) -> Iterator[str]:
    """Names of the magics that a cell calls; `!command` is `system`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attribute), args=arguments
            ):
                if attribute in ("run_line_magic", "run_cell_magic"):
                    first = arguments[0] if arguments else None
                    yield first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else "?"
                else:
                    yield attribute


def _always(flow: Flow, tree: ast.Module, source: str) -> Iterator[str]:
    names = flow.attributes | flow.reads | _imported_modules(tree)
    if any(line.lstrip().startswith(_TIMES) for line in source.splitlines()):
        yield "it shows how long something took"
    for magic in magics_of(tree):
        if magic in _PROGRAMS:
            yield "it runs another program, and what that does is not seen"
    for found in sorted(names & _CLOCKS):
        yield f"it asks for the time ({found})"
    if {"now", "today"} & {text.strip().lower() for text in flow.texts}:
        yield "it asks for the time"
    for found in sorted(names & _CHANCE):
        yield f"it draws numbers that nothing seeds ({found})"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last_name(node.func) in _UNSEEDED and _is_empty(node):
            yield f"it draws numbers that nothing seeds ({_last_name(node.func)} without a seed)"
    for found in sorted(names & _MACHINE):
        yield f"it asks for what differs from run to run ({found})"
    for found in sorted(names & _QUESTIONS):
        yield f"it asks about files in a way that is not seen ({found})"
    for found in sorted(names & _NATIVE | names & _NATIVE_MODULES):
        yield f"it reads or writes files in a way that is not seen ({found})"
    for found in sorted(names & _VARIABLES):
        yield f"it reads the environment ({found})"
    for found in sorted({"id", "hash", "object"} & flow.reads):
        yield f"it uses {found}(), which differs from run to run"
    if "input" in flow.reads:
        yield "it asks somebody (input)"


def hidden_effects(names: Iterable[str]) -> Iterator[str]:
    """Effects that code in a file of the user's may have unseen: by the names that it mentions."""
    names = set(names)
    for found in sorted(names & _CLOCKS):
        yield f"a function that it uses asks for the time ({found})"
    for found in sorted(names & _CHANCE):
        yield f"a function that it uses draws numbers that nothing seeds ({found})"
    for found in sorted(names & (_QUESTIONS | _MACHINE)):
        yield f"a function that it uses asks for what is not seen ({found})"


def _imported_modules(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names} | {(node.module or "").partition(".")[0]}
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
    return found - {"time"}


def _last_name(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _is_empty(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(each, ast.Constant) and each.value is None for each in given)


def _compares_identity(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare) or not any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
        return False
    return not any(isinstance(each, ast.Constant) for each in (node.left, *node.comparators))


def _asks(tree: ast.Module) -> Iterator[str]:
    """Names of which it is asked whether they have something."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="hasattr"), args=[ast.Name(id=name), _]):
                yield name
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id=name), _, _]):
                yield name


def _is_history(name: str) -> bool:
    return name in ("_", "__", "___", "Out", "In", "_i", "_ii", "_iii", "_ih", "_oh", "_dh") or (
        name.startswith("_") and (name[1:].isdigit() or (name[1:2] == "i" and name[2:].isdigit()))
    )


def _seeds(tree: ast.Module) -> Iterator[str]:
    """Calls that may seed, with constants or names as arguments, before anything that could draw."""
    for statement in tree.body:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef() | ast.Pass():
                continue
            case (
                ast.Assign(value=ast.Constant()) | ast.AnnAssign(value=ast.Constant()) | ast.Expr(value=ast.Constant())
            ):
                continue
            case ast.Expr(value=ast.Call(func=function, args=arguments)):
                if not all(isinstance(each, ast.Constant | ast.Name) for each in arguments) or not arguments:
                    return
                if _last_name(function) not in ("seed", "set_state", "setstate", "manual_seed"):
                    return
                yield ast.unparse(function)
            case _:
                return
