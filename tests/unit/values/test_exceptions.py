from __future__ import annotations

import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wf_jupyter.values.exceptions import decode_exception, encode_exception


class Refused(Exception):
    def __init__(self, code: int, url: str) -> None:
        super().__init__(f"{code} at {url}")
        self.code = code


class Locked(Exception):
    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


class Slotted(Exception):
    __slots__ = ("code",)


class Lying(Exception):
    def __reduce__(self) -> Any:
        return dict, ()


class Failing(Exception):
    def __reduce__(self) -> Any:
        raise RuntimeError("no")


class Own(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(str(code))
        self.code = code

    def __reduce__(self) -> Any:
        return _own, (self.code,)


def _own(code: int) -> Own:
    return Own(code=code)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class NoFile(OSError):
    def __init__(self, name: str) -> None:
        super().__init__(2, "no such thing", name)


def caught(raising: Callable[[], object]) -> BaseException:
    try:
        raising()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def sent(error: BaseException) -> Any:
    data = encode_exception(error)
    return None if data is None else decode_exception(data)


def test_causes_and_contexts_are_kept() -> None:
    def chained() -> None:
        try:
            try:
                dict[str, int]()["k"]
            except KeyError:
                raise Refused(404, "u")
        except Refused as error:
            raise ValueError("bad row") from error

    error = sent(caught(chained))
    assert repr(error) == "ValueError('bad row')"
    assert type(error.__cause__) is Refused and error.__cause__.code == 404
    assert error.__cause__ is error.__context__ and error.__suppress_context__
    assert repr(error.__cause__.__context__) == "KeyError('k')"
    assert not error.__cause__.__suppress_context__


def test_from_none_stays_hidden() -> None:
    def hidden() -> None:
        try:
            dict[str, int]()["k"]
        except KeyError:
            raise ValueError("bad") from None

    error = sent(caught(hidden))
    assert error.__cause__ is None and error.__suppress_context__ and isinstance(error.__context__, KeyError)


def test_groups_keep_their_members_and_these_their_causes() -> None:
    inner = Refused(404, "u")
    inner.__cause__ = KeyError("k")
    group = ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [inner, Slotted("s")])])
    group.add_note("noted")
    error = sent(group)
    assert [type(each) for each in error.exceptions] == [ValueError, ExceptionGroup]
    found = error.exceptions[1].exceptions[0]
    assert (found.code, repr(found.__cause__), error.__notes__) == (404, "KeyError('k')", ["noted"])
    assert type(sent(BaseExceptionGroup("b", [KeyboardInterrupt()]))) is BaseExceptionGroup


def test_a_member_that_cannot_be_sent_has_a_stand_in_of_its_name() -> None:
    group = ExceptionGroup("several", [ValueError(1), Mute(), Locked()])
    error = sent(group)
    assert [type(each).__name__ for each in error.exceptions] == ["ValueError", "Mute", "Locked"]
    assert not hasattr(error.exceptions[2], "lock")


def test_a_class_that_the_reader_lacks_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("only_there")
    monkeypatch.setitem(sys.modules, "only_there", module)
    exec("class Special(Exception): pass", vars(module))
    error = ValueError("bad")
    error.__cause__ = module.Special("deep")
    error.__cause__.__cause__ = KeyError("k")
    data, alone = encode_exception(error), encode_exception(module.Special("x"))
    assert data is not None and alone is not None
    monkeypatch.delitem(sys.modules, "only_there")
    found = decode_exception(data)
    assert isinstance(found, ValueError)
    assert (type(found.__cause__).__name__, str(found.__cause__)) == ("Special", "deep")
    assert "stand-in" in found.__cause__.__notes__[0]  # type: ignore[union-attr]
    assert isinstance(found.__cause__.__cause__, KeyError)  # type: ignore[union-attr]
    assert decode_exception(alone) is None


def raised() -> Iterator[tuple[BaseException, Callable[[Any], object]]]:
    slotted = Slotted("x")
    slotted.code = 7  # type: ignore[attr-defined]
    member = RuntimeError("outer")
    member.inner = Refused(404, "u")  # type: ignore[attr-defined]
    noted = ValueError("v")
    noted.add_note("n")
    yield slotted, lambda e: e.code
    yield member, lambda e: (type(e.inner), e.inner.code)
    yield noted, lambda e: e.__notes__
    yield Own(code=5), lambda e: (e.code, str(e))
    yield NoFile("f"), lambda e: (e.errno, e.strerror, e.filename)
    yield FileNotFoundError(2, "No such file", "a", None, "b"), lambda e: (e.errno, e.filename, e.filename2, str(e))
    yield caught(lambda: b"\xff".decode()), lambda e: (e.object, e.start, e.reason, str(e))
    yield caught(lambda: compile("a b", "<cell 5>", "exec")), lambda e: (e.lineno, e.text, e.filename, str(e))
    yield caught(lambda: [].nothing), lambda e: (e.name, str(e))  # type: ignore[attr-defined]
    yield caught(lambda: __import__("no_such_module")), lambda e: (e.name, str(e))
    yield caught(lambda: next(iter(()))), lambda e: e.value
    yield StopIteration(5), lambda e: e.value
    yield SystemExit("bye"), lambda e: e.code
    yield KeyboardInterrupt(), lambda e: e.args
    yield GeneratorExit(), lambda e: e.args
    yield subprocess.CalledProcessError(3, ["ls"], b"out", b"err"), lambda e: (e.returncode, e.cmd, e.stdout, str(e))
    yield Lying("l"), lambda e: e.args


@pytest.mark.parametrize(("error", "look"), [pytest.param(*each, id=type(each[0]).__name__) for each in raised()])
def test_attributes_and_arguments_are_kept(error: BaseException, look: Callable[[Any], object]) -> None:
    found = sent(error)
    assert type(found) is type(error)
    assert look(found) == look(error)


def test_what_was_attached_is_left_out_when_it_cannot_be_sent_and_what_the_class_needs_is_not() -> None:
    error = RuntimeError("outer", threading.Lock())
    error.handle, error.code, error.body = threading.Lock(), 5, "x" * 2_000_000  # type: ignore[attr-defined]
    found = sent(error)
    assert found.code == 5 and not hasattr(found, "handle") and not hasattr(found, "body")
    assert found.args[0] == "outer" and "lock" in found.args[1]
    assert encode_exception(Locked()) is None
    assert encode_exception(Failing("its class forbids it")) is None


def test_cycles_and_long_chains_end() -> None:
    first, second = ValueError(1), KeyError(2)
    first.__context__, second.__context__ = second, first
    first.me = first  # type: ignore[attr-defined]
    found = sent(first)
    assert found.__context__.__context__ is found
    error: BaseException = ValueError(0)
    for n in range(500):
        after = ValueError(n)
        after.__cause__ = error
        error = after
    found, length = sent(error), 0
    while found is not None:
        found, length = found.__cause__, length + 1
    assert 10 < length <= 500


def test_a_huge_exception_is_left_to_its_text() -> None:
    assert encode_exception(ValueError("x" * 2_000_000)) is None
    assert sent(Mute()).args == ()
