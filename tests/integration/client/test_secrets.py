"""Secret inputs are shown as •••, stored sealed, and plain in the task that gets them."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest

import wf_jupyter as wf
from wf_jupyter.cli.main import main
from wf_jupyter.client import session
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
    return wf.Secret(REVERSED[::-1])


@wf.task
def use(text):
    return text[::-1] == REVERSED


@wf.workflow
def job(password: str, pin: wf.Secret[str], config: dict, login: Login, unset_token: str | None = None):
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
    return job.submit(password=VALUE, pin=wf.Secret(VALUE), config=config, login=Login("ada", VALUE))


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
    shown += [execution.connection.task_inputs(execution.id, key) for key in execution.tasks]
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


def test_a_wrong_type_of_a_secret_is_named_without_the_value(directory: Path) -> None:
    with pytest.raises(wf.InputError, match="pin must be str") as caught:
        job.submit(password="x", pin=["hidden"], config={}, login=Login("a", "b"))
    assert "hidden" not in str(caught.value)
    assert f"{wf.Secret('x')} {wf.Secret('x')!r} {wf.Secret('x'):>3}" == "••• ••• •••"
