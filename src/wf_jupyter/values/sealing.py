"""Secret values as bytes that say nothing without a key, so that they can lie in a database.

The key is the user's: a file of the data directory that only its owner can read, made at the first use. Workers
get it in memory with the variables of the submitting process, so that it need not be where they run.

The standard library has no cipher; this is the construction of RFC 5297 (a synthetic nonce) from its parts: the nonce
is an HMAC of the text, and the stream is SHAKE256 of key and nonce. The same text gives the same bytes, as cache keys
need it, so two equal secrets can be seen to be equal; nothing else can be seen but their length.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path

from wf_jupyter.errors import StoreError
from wf_jupyter.private_files import make_directory, open_file

VARIABLE = "WF_JUPYTER_SECRET_KEY"
FILE = "secret.key"
_SIZE, _NAME = 32, 8

_lock = threading.Lock()
_own: bytes | None = None


def seal(data: bytes) -> bytes:
    """The name of the key, the nonce, and `data` enciphered. `StoreError` when no key can be kept."""
    key = own_key()
    nonce = _mac(key, data)
    return _name(key) + nonce + _mix(key, nonce, data)


def unseal(sealed: bytes) -> bytes:
    """Decrypt; `StoreError` when the key is not here, or the bytes were changed."""
    name, nonce, body = sealed[:_NAME], sealed[_NAME : _NAME + _SIZE], sealed[_NAME + _SIZE :]
    for key in _keys():
        if _name(key) == name:
            data = _mix(key, nonce, body)
            if hmac.compare_digest(_mac(key, data), nonce):
                return data
            raise StoreError("a secret value cannot be read: its bytes were changed")
    raise StoreError(
        "a secret value cannot be read here: it was sealed with the key of another data directory, which came with the "
        "submitting kernel and is gone since this process started. Submit again"
    )


def used_key() -> str | None:
    """The key as workers get it, when something was sealed or read in this process."""
    return None if _own is None else _own.hex()


def own_key() -> bytes:
    """The key of this process: the one it was given, else that of the data directory, made when there is none."""
    global _own
    with _lock:
        if _own is None:
            _own = _key_from_environment() or _read_key()
        return _own


def _keys() -> list[bytes]:
    found = [key for key in (_own, _key_from_environment()) if key is not None]
    with suppress(OSError, StoreError):
        found.append(_read(_path()) or b"")
    return found


def _key_from_environment() -> bytes | None:
    with suppress(ValueError):
        key = bytes.fromhex(os.environ.get(VARIABLE, ""))
        return key if len(key) == _SIZE else None
    return None


def _path() -> Path:
    if named := os.environ.get("WF_JUPYTER_DATA_DIR", "").strip():
        return Path(named).expanduser().absolute() / FILE
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "wf_jupyter" / FILE


def _read_key() -> bytes:
    path = _path()
    try:
        make_directory(path.parent)
        if (key := _read(path)) is None:
            # Written beside and linked: of two processes at once, both get the key of the first.
            beside = path.with_name(f"{FILE}.{secrets.token_hex(4)}")
            descriptor = open_file(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                os.write(descriptor, secrets.token_bytes(_SIZE))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            with suppress(FileExistsError):
                os.link(beside, path)
            beside.unlink()
            key = _read(path)
    except OSError as error:
        raise StoreError(f"a secret value cannot be stored, as its key cannot be kept: {error}") from error
    assert key is not None
    return key


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(key) != _SIZE:
        raise StoreError(f"{path} is no key: remove it, and secrets of earlier executions with it")
    return key


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"wf_jupyter key " + key).digest()[:_NAME]


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, b"nonce " + data, "sha256")


def _mix(key: bytes, nonce: bytes, data: bytes) -> bytes:
    stream = hashlib.shake_256(b"stream " + key + nonce).digest(len(data))
    size = len(data)
    return (int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")).to_bytes(size, "little")
