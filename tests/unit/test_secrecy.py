"""Which names are secret, and texts without the values that stand behind them."""

from __future__ import annotations

import pytest

from wf_jupyter.model.secrecy import is_secret, mask


@pytest.mark.parametrize(
    "name",
    "password PASSWORD userPassword db_passwd DB_PASS smtp-pwd passphrase token api_token hfToken authtoken HUB_TOKEN "
    "apiKey api_key API-KEY APIKey openai_api_key aws_secret_access_key secret client_secret secrets credential "
    "credentials my_creds private_key privateKey ssh_key bearer authorization access_tokens passwords api_keys "
    "X-Api-Key connection_string connStr dsn auth basic_auth session_cookie jwt password2 passwordConfirm PGPASSWORD "
    "MYSQL_PWD stripe_key storageKey aws_session_token proxy_authorization passwort contraseña id_token".split(),
)
def test_a_secret_name(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    "user cities key keys monkey sort_key primary_key tokens max_tokens token_count tokenizer tokenize secretary "
    "compass passenger bypass passes path author keyword pw_hash_rounds passing x map_key connection session sassy "
    "turkey compassion passport token_id pass_rate disassembly".split(),
)
def test_a_name_of_something_else(name: str) -> None:
    assert not is_secret(name)


def test_values_behind_secret_names_are_left_out_of_texts() -> None:
    for text in ("{'token': 'abc-1', 'n': 2}", '{"token":"abc-1","n":2}', "Login(n=2, token='abc-1')", "token=abc-1"):
        assert "abc-1" not in mask(text)
        assert "•••" in mask(text)
    for text in (
        "Login(token=Wrapped('abc-1'), n=2)",
        "{'token': ['abc-1', 'abc-1'], 'n': 2}",
        "<Login token=<T 'abc-1'>>",
        "Authorization: Bearer abc-1",
        "[('password', 'abc-1'), ('n', 2)]",
        "['--password', 'abc-1', '--n', '2']",
        "run --token=abc-1 --n 2",
        "postgres://ada:abc-1@host/db",
        "https://host/?n=2&api_key=abc-1",
        "{'h': 'Bearer abc-1abcdefg'}",
    ):
        assert "abc-1" not in mask(text)
        assert "n" not in text or "n" in mask(text)
    for text in ("Columns: ['password', 'user']", "(key, token)", "https://host:80/a@b", "basic needs"):
        assert mask(text) == text
    for text in ("{'tokens': [1, 2]}", "token=None", "{'sort_key': 'abc'}", "a password is missing", "pass"):
        assert mask(text) == text


@pytest.mark.parametrize("piece", ["a-", "a.", "a_b ", "--a ", "'a", "/a", "://a", "token", "a=", "(", "bearer "])
@pytest.mark.timeout(20)  # the square of its length would take minutes
def test_a_long_text_is_read_once(piece: str) -> None:
    mask((piece * 50_000)[:100_000] + " key")
