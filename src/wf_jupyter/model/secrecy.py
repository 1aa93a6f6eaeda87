"""Which names say that a value is secret, and texts in which such values are replaced by `•••`."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "•••"

_INSIDE = re.compile(
    r"passw(?:or)?d|passphrase|passcode|passwort|kennwort|motdepasse|contrase[nñ]a|secret(?!ar)|credential|bearer"
    r"|authorization|connectionstr|connstr"
    r"|(?:api|app|application|private|access|account|storage|shared|encryption|signing|ssh|auth|oauth|master|license"
    r"|subscription|consumer|hmac|jwt|aes|rsa|pgp|gpg|sas|vault|webhook|openai|anthropic|azure|stripe|sendgrid)keys?"
    r"|(?:api|access|auth|refresh|bearer|id|session|bot|hub|hf)tokens"
)
_LAST_WORDS = {
    *("token", "pwd", "pw", "pass", "passwd", "userpass", "creds", "cred", "auth", "basicauth", "oauth"),
    *("jwt", "otp", "totp", "dsn", "cookie", "cookies", "sessionid", "sas"),
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
#: Whatever is secret by name has one of these in it; looking for them is cheap.
_HINTS = (
    *("pass", "pwd", "pw", "secret", "token", "key", "cred", "bearer", "auth", "conn", "contrase", "jwt", "otp", "dsn"),
    *("cookie", "session", "sas", "kennwort"),
)
#: A name with what may follow it before a value: `password=`, `'password': `, `--password `, `('password', `.
_NAME = re.compile(
    r"""(?:(?<=\()(?P<pair>['"])(?P<first>[\w.-]+)(?P=pair)\s*,\s*"""
    r"""|(?<![\w-])--?(?P<option>[A-Za-z][\w-]*)(?:=|['"]?,?\s+)(?!-)"""
    r"""|b?(?P<quote>['"])(?P<key>[^\W\d][\w.\- ]*)(?P=quote)\s*[:=]\s*"""
    r"""|(?<![\w.-])(?P<bare>[^\W\d][\w.-]*)\s*[:=]\s*)"""
)
_STRING = re.compile(r"""[brf]*(?:'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?)""", re.IGNORECASE | re.DOTALL)
_PLAIN = re.compile(r"[^\s,;(){}\[\]<>&'\"]+")
#: `Authorization: Bearer abc`: the scheme is no value.
_SCHEME = re.compile(r"(?:bearer|basic|digest|token|apikey|negotiate)\s+", re.IGNORECASE)
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}
_NOTHING = {"None", "null", "''", '""', "", MASK}
_USER = re.compile(r"(?<=://)([^/\s:@'\"]*):([^/\s@'\"]+)@")
_BEARER = re.compile(r"(?i:\b(bearer|basic))\s+([\w.~+/=-]{8,})")


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether a value of this name should not be shown: `password`, `apiKey`, `DB_PASS`, `hub-token`, …"""
    if not _is_hinted(name):
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    joined = "".join(words)
    return bool(_INSIDE.search(joined)) or (words[-1:] != [] and (words[-1] in _LAST_WORDS or joined.endswith("token")))


def holds_credentials(text: str) -> bool:
    """Whether a text says by itself that it is secret: `postgres://ada:pw@host/db`, `Bearer abc…`."""
    return ("@" in text and _USER.search(text) is not None) or (
        text[:7].lower() in ("bearer ", "basic a", "basic b") and _BEARER.match(text) is not None
    )


def mask(text: str) -> str:
    """`text` without the values behind secret names, as in `{'token': 'x'}`, and without passwords in addresses."""
    if "://" in text:
        text = _USER.sub(rf"\1:{MASK}@", text)
    if not _is_hinted(text):
        return text
    pieces, at = [], 0
    for found in _NAME.finditer(text):
        name = found["first"] or found["option"] or found["key"] or found["bare"]
        if found.start() < at or not is_secret(name):
            continue
        begin = found.end()
        if scheme := _SCHEME.match(text, begin):
            begin = scheme.end()
        end = _end_of_value(text, begin)
        if text[begin:end] not in _NOTHING:
            pieces += [text[at : found.end()], MASK]
            at = end
    return _BEARER.sub(rf"\1 {MASK}", "".join([*pieces, text[at:]]))


def _is_hinted(text: str) -> bool:
    lower = text.lower()
    return any(hint in lower for hint in _HINTS)


def _end_of_value(text: str, begin: int) -> int:
    """Where the value ends that begins there: a string, a plain word, brackets, or words with brackets behind them."""
    at, size = begin, len(text)
    open_: list[str] = []
    while at < size:
        if text[at] in _CLOSING:
            open_.append(_CLOSING[text[at]])
            at += 1
        elif open_ and text[at] == open_[-1]:
            open_.pop()
            at += 1
            if not open_:
                return at
        elif found := _STRING.match(text, at) if text[at] in "'\"bBrRfF" else None:
            at = found.end()
            if not open_:
                return at
        elif open_:
            at += 1
        elif found := _PLAIN.match(text, at):
            at = found.end()
        else:
            return at
    return at
