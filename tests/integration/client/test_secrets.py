"""Secret inputs are shown as •••, stored sealed, and plain in the task that gets them."""

from __future__ import annotations

import dataclasses
import stat
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import wf_jupyter as wf
from wf_jupyter.cli.main import main
from wf_jupyter.client import session
from wf_jupyter.protocol.operations import INPUTS
from wf_jupyter.values import sealing

#: The code of the tasks must not hold the value itself.
REVERSED = "TERC3S-2retnuh"
VALUE = REVERSED[::-1]


@dataclasses.dataclass
class Login:
    user: str
    password: str


@wf.task
def spell(password, user="ada"):
    assert type(password) is str
    return [user, password[::-1] == REVERSED]


@wf.task
def configure(config):
    return config["db"]["password"][::-1] == config["apiKey"][::-1] == REVERSED and config["db"]["port"] == 1


@wf.task
def enter(login):
    return login.password[::-1] == REVERSED


@wf.task
def marked(text: wf.Secret[str]):
    return text[::-1] == REVERSED


@wf.task
def fetch_token():
    return wf.Secret(REVERSED[::-1])  # type: ignore[type-arg]


@wf.task
def use(text):
    return text[::-1] == REVERSED


@wf.workflow
def job(password: str, pin: wf.Secret[str], config: dict[str, Any], login: Login, unset_token: str | None = None):
    return [
        spell(password),
        spell(user="eve", password=pin),
        spell.partial(user="m").map(password=[VALUE, pin]),
        configure(config),
        enter(login),
        marked(pin),
        marked(password),
        use(fetch_token()),
        use.map([fetch_token()]),
        unset_token,
    ]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sealing, "_own", None)
    session.close()
    wf.connect(mode="embedded")
    return tmp_path / "data"


def _start() -> wf.Execution:
    config = {"db": {"password": VALUE, "port": 1}, "apiKey": VALUE}
    return job.submit(password=VALUE, pin=wf.Secret(VALUE), config=config, login=Login("ada", VALUE))  # type: ignore[type-arg]


def test_the_task_gets_the_value_and_nobody_else_sees_it(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execution = _start()
    rows = [["ada", True], ["eve", True], [["m", True]] * 2, True, True, True, True, True, [True], None]
    assert execution.result(timeout=60) == rows
    assert {name: text for name, text in execution.inputs.items() if name != "login"} == {
        "password": "•••",
        "pin": "•••",
        "config": "{'apiKey': •••, 'db': {'password': •••, 'port': 1}}",
        "unset_token": None,
    }
    assert execution.tasks["fetch_token"].result().reveal() == VALUE
    assert execution.tasks["spell"].inputs()["password"] == VALUE
    shown = [execution.events(), execution.snapshot(), execution._repr_mimebundle_(), execution.to_svg(), job.bind]
    shown += [execution.connection.ask(INPUTS, execution.id, key) for key in execution.tasks]
    shown.append(execution.to_html(directory.parent / "run.html").read_text())
    assert main(["show", execution.id]) == 0
    shown.append(capsys.readouterr().out)
    assert not [text for text in map(str, shown) if VALUE in text]
    session.close()
    for file in directory.rglob("*"):
        assert not file.is_file() or VALUE.encode() not in file.read_bytes(), file
    assert stat.S_IMODE((directory / sealing.FILE).stat().st_mode) == 0o600


def test_a_later_process_reads_it_with_the_key_of_the_data_directory(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = _start()
    execution.wait(timeout=60)
    session.close()
    monkeypatch.setattr(sealing, "_own", None)
    wf.connect(mode="embedded")
    again = wf.get_execution(execution.id).rerun(from_="spell")
    assert again.result(timeout=60)[0] == ["ada", True]


def test_equal_values_are_sealed_alike_and_changed_bytes_or_another_key_are_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sealed = sealing.seal(b"x" * 1000)
    assert sealing.seal(b"x" * 1000) == sealed
    assert sealing.unseal(sealed) == b"x" * 1000
    with pytest.raises(wf.StoreError, match="were changed"):
        sealing.unseal(sealed[:-1] + b"?")
    monkeypatch.setattr(sealing, "_own", None)
    monkeypatch.setenv("WF_JUPYTER_DATA_DIR", str(tmp_path / "other"))
    with pytest.raises(wf.StoreError, match="cannot be read here"):
        sealing.unseal(sealed)


@wf.workflow
def strict(token: int, keys: dict[str, int], pin: wf.Secret[int], password: str = "by default"):  # noqa: S107
    return use("x")


def test_a_wrong_type_of_a_secret_is_named_without_the_value(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"token": 1, "keys": {}, "pin": 1}
    wrong: dict[str, Any]
    for wrong in ({"token": "hidden"}, {"pin": "hidden"}, {"keys": {"api_key": "hidden"}}):
        with pytest.raises(wf.InputError, match="must be int") as caught:
            strict.submit(**{**given, **wrong})
        assert "hidden" not in str(caught.value)
    with pytest.raises(wf.InputError, match="token") as caught:
        strict.submit()  # type: ignore[call-arg]
    assert "by default" not in f"{caught.value} {strict!r}"
    strict.publish()
    for wrong in ({"token": "hidden"}, {"pin": "hidden"}, {"password": 34567}):
        with pytest.raises(wf.InputError, match=next(iter(wrong))) as caught:
            wf.execute("strict", {**given, **wrong})
        assert not {"hidden", "34567", "by default"} & set(str(caught.value).split())
    assert "by default" not in str(list(wf.workflows()))
    assert main(["run", "x.py:flow", "-p", "token:hidden"]) != 0
    assert "hidden" not in capsys.readouterr().err
    assert f"{wf.Secret('x')} {wf.Secret('x')!r} {wf.Secret('x'):>3}" == "••• ••• •••"  # type: ignore[type-arg]


class Settings(NamedTuple):
    user: str
    api_key: str


class Slotted:
    __slots__ = ("secret",)

    def __init__(self, secret: str) -> None:
        self.secret = secret


class Outer:
    def __init__(self, inner: object) -> None:
        self.inner = [inner]


@wf.task
def leak(password, how):
    print("printed", password)
    print("logged in as ada:", "".join(password), file=sys.stderr)
    wf.progress(1, 2, f"with {password}")
    if how == "raise":
        raise ConnectionError(f"refused: {password}", {"sent": password})
    return {"headers": {"X": f"Basic {password}"}, "user": "ada"}


@wf.task
def read(given, text=""):
    return text[::-1].startswith(REVERSED)


@wf.task
def send(header, url, holder, pairs, argv):
    right = [header[::-1].startswith(REVERSED), REVERSED in url[::-1], pairs[0][1] == argv[1] == header[7:]]
    return type(holder).__name__, all(right)


@wf.workflow
def inner(token: str):
    return read("x", text=f"again {token}")


@wf.workflow
def roundabout(password: str, how: str):
    header, url = f"Bearer {password}", f"postgres://ada:{password}@host/db"
    holders = [
        Settings("ada", password),
        Slotted(password),
        Outer(Login("ada", password)),
        {"a": Login("ada", password)},
    ]
    sent = send.map([header] * 4, [url] * 4, holders, [[("password", password)]] * 4, [["--password", password]] * 4)
    return {"leak": leak(password, how), "sent": sent, "in": inner(password), "password": password, "h": header}


@pytest.mark.parametrize("how", ["return", "raise"])
def test_what_holds_a_secret_is_as_secret(how: str, directory: Path) -> None:
    value = VALUE
    execution = roundabout.submit(password=value, how=how)
    execution.wait(timeout=60)
    if how == "return":
        result = execution.result()
        assert result["leak"] == {"headers": {"X": f"Basic {value}"}, "user": "ada"}
        assert (result["password"], result["h"], result["in"]) == (value, f"Bearer {value}", True)
        assert result["sent"] == [(name, True) for name in ("Settings", "Slotted", "Outer", "dict")]
    else:
        failure = execution.exception()
        assert failure is not None and "ConnectionError" in str(failure)
        cause = failure.__cause__
        assert cause is not None and cause.args == (f"refused: {value}", {"sent": value})
    assert execution.tasks["leak"].logs() == "printed •••\nlogged in as ada: •••\n"
    shown = [execution.events(), execution.snapshot(), execution._repr_mimebundle_(), execution.exception()]
    shown += [execution.connection.ask(INPUTS, execution.id, key) for key in execution.tasks]
    shown.append(execution.to_html(directory.parent / "run.html").read_text())
    assert not [text for text in map(str, shown) if value in text]
    session.close()
    for file in directory.rglob("*"):
        assert not file.is_file() or value.encode() not in file.read_bytes(), file
