"""Settings: sources and their order, limits, secrets in files, errors that name the place and no value."""

from __future__ import annotations

import os
import tempfile
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.secrets import Secret
from runplane.server.settings import Setting, Settings, SettingsError, known_settings, load_settings

BY_KEY = {it.key: it for it in known_settings()}
NUMBERS = [it for it in known_settings() if it.meta.le is not None]
CHOICES = [it for it in known_settings() if get_origin(get_args(it.annotation)[0]) is Literal]
CANARY = "correct-horse-battery-staple"


def toml_of(setting: Setting, literal: str) -> str:
    return (
        f"[{setting.table}]\n{setting.name} = {literal}\n"
        if setting.table
        else f"{setting.name} = {literal}\n"
    )


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "runplane.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def secret_file(folder: Path, text: str = CANARY, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def refused(environ: dict[str, str] | None = None, config: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, environ or {}, config)
    text = str(caught.value)
    assert "\n" not in text
    assert CANARY not in text
    return text


def test_every_setting_is_described_and_has_its_own_variable() -> None:
    variables = [it.variable for it in known_settings()]
    assert len(set(variables)) == len(variables)
    assert all((it.meta.description or "").endswith(".") for it in known_settings())
    assert {"RUNPLANE_HOST", "RUNPLANE_PORT", "RUNPLANE_DATA_DIR", "RUNPLANE_DATABASE_URL"} <= set(variables)
    assert {"RUNPLANE_PUBLIC_URL", "RUNPLANE_ADMIN_EMAIL", "RUNPLANE_ADMIN_PASSWORD"} <= set(variables)


def test_without_any_source_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load_settings({}, {})
    assert loaded.settings == Settings()
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.settings.database_url == f"sqlite:///{tmp_path}/data/runplane.db"
    assert loaded.settings.public_url == "http://127.0.0.1:8080"
    assert loaded.settings.keys.key_encryption_key_file == tmp_path / "data" / "key-encryption-key"


def test_what_derives_from_another_setting_follows_it(tmp_path: Path) -> None:
    settings = load_settings(
        {"data_dir": str(tmp_path)}, {"RUNPLANE_PORT": "9000", "RUNPLANE_HOST": "::"}
    ).settings
    assert settings.database_url == f"sqlite:///{tmp_path}/runplane.db"
    assert settings.public_url == "http://[::1]:9000"
    assert Settings(host="0.0.0.0").public_url == "http://127.0.0.1:8080"
    assert Settings(data_dir=tmp_path).keys.key_encryption_key_file.parent == tmp_path


def test_the_bound_port_reaches_a_derived_public_url_only() -> None:
    assert Settings(port=0).listening_on(4321).public_url == "http://127.0.0.1:4321"
    given_one = Settings(port=0, public_url="https://runplane.example.com")
    assert given_one.listening_on(4321).public_url == "https://runplane.example.com"
    assert given_one.listening_on(4321).port == 4321


@given(
    st.fixed_dictionaries(
        {}, optional={layer: st.integers(0, 65_535) for layer in ("default", "file", "environment", "flag")}
    )
)
def test_the_last_source_wins(layers: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = f"port = {layers['file']}" if "file" in layers else ""
        path = write(Path(folder), text)
        environ = {"RUNPLANE_CONFIG": str(path)}
        if "environment" in layers:
            environ["RUNPLANE_PORT"] = str(layers["environment"])
        loaded = load_settings({"port": layers.get("flag"), "host": None}, environ)
    order = {"flag": "--port", "environment": "RUNPLANE_PORT", "file": str(path)}
    winner = next((name for name in order if name in layers), None)
    assert loaded.settings.port == (8080 if winner is None else layers[winner])
    assert loaded.sources["port"] == ("default" if winner is None else order[winner])


@given(st.data())
def test_file_and_variable_mean_the_same(data: st.DataObject) -> None:
    setting = data.draw(st.sampled_from(NUMBERS))
    number = data.draw(st.integers(setting.meta.ge, setting.meta.le))
    with tempfile.TemporaryDirectory() as folder:
        by_file = load_settings({}, {}, write(Path(folder), toml_of(setting, str(number)))).settings
    by_variable = load_settings({}, {setting.variable: f" {number} "}).settings
    assert setting.value(by_file) == setting.value(by_variable) == number
    assert by_file == by_variable


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda it: it.key)
def test_numbers_outside_their_limits_are_refused(setting: Setting, tmp_path: Path) -> None:
    for wrong in (setting.meta.ge - 1, setting.meta.le + 1, "1.5", "true", "0x10", "many"):
        text = refused({setting.variable: str(wrong)})
        assert (
            text == f"{setting.variable}: must be a whole number from {setting.meta.ge} to {setting.meta.le}."
        )
    path = write(tmp_path, toml_of(setting, f'"{setting.meta.ge}"'))
    assert refused(config=path).startswith(f"{path}:{setting.key}: must be a whole number")


@pytest.mark.parametrize("setting", CHOICES, ids=lambda it: it.key)
def test_choices_are_listed_when_none_is_met(setting: Setting) -> None:
    allowed = get_args(get_args(setting.annotation)[0])
    text = refused({setting.variable: "HS256"})
    assert all(f'"{it}"' in text for it in allowed)
    for it in allowed:
        assert setting.value(load_settings({}, {setting.variable: it}).settings) == it


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("1", True), ("0", False)])
def test_booleans_of_the_environment(text: str, value: bool) -> None:
    assert load_settings({}, {"RUNPLANE_LOG_REQUESTS": text}).settings.log.requests is value


def test_a_word_that_is_no_boolean_is_refused() -> None:
    assert refused({"RUNPLANE_TOKENS_PASSWORD_GRANT": "off"}) == (
        "RUNPLANE_TOKENS_PASSWORD_GRANT: must be true or false."
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    loaded = load_settings({}, {"RUNPLANE_PORT": "", "RUNPLANE_ADMIN_PASSWORD": "", "RUNPLANE_CONFIG": ""})
    assert loaded.settings.port == 8080
    assert loaded.settings.admin.password is None


def test_variables_of_other_programs_are_left_alone() -> None:
    others = {"PORT": "1", "RUNPLANE_REQUIRE": "postgres", "RUNPLANE_HYPOTHESIS": "fast", "RUNPLANEX": "1"}
    assert load_settings({}, others).settings == Settings()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("RUNPLANE_PROT", "RUNPLANE_PORT"),
        ("RUNPLANE_TOKEN_LIFETIME_SECONDS", "RUNPLANE_TOKENS_LIFETIME_SECONDS"),
        ("RUNPLANE_ADMIN_PASWORD", "RUNPLANE_ADMIN_PASSWORD"),
        ("RUNPLANE_ADMIN_PASSWORDFILE", "RUNPLANE_ADMIN_PASSWORD_FILE"),
    ],
)
def test_an_unknown_variable_names_the_nearest(wrong: str, right: str) -> None:
    assert refused({wrong: CANARY}) == f"{wrong}: there is no such setting; did you mean {right}?"


def test_an_unknown_variable_like_no_other_says_where_all_are_listed() -> None:
    assert "runplane config explain" in refused({"RUNPLANE_XYZZY": "1"})


@pytest.mark.parametrize(
    ("name", "value"), [("RUNPLANE_PORT", "tcp://10.0.0.1:80"), ("RUNPLANE_SERVICE_HOST", "10.0.0.1")]
)
def test_service_links_of_kubernetes_are_recognized(name: str, value: str) -> None:
    assert "enableServiceLinks" in refused({name: value})


@pytest.mark.parametrize(
    ("text", "where", "sentence"),
    [
        ("prot = 1", "prot", "did you mean port?"),
        ("[tokens]\nlifetime = 60", "tokens.lifetime", "did you mean tokens.lifetime_seconds?"),
        ("[token]\nlifetime_seconds = 60", "[token]", "did you mean tokens?"),
        ("tokens = 5", "tokens", "write [tokens]"),
        ("[tokens.extra]\na = 1", "tokens.extra", "no such setting"),
        ("port = '80'", "port", "whole number"),
        ("port = true", "port", "whole number"),
        ("host = 5", "host", "must be text"),
        ("data_dir = ''", "data_dir", "must be a path"),
        ('data_dir = "a\\u0000b"', "data_dir", "must be a path"),
        ("data_dir = 'a?b'", "data_dir", "question mark"),
        ("trusted_proxies = '10.0.0.0/8'", "trusted_proxies", "must be a list of texts"),
        ("trusted_proxies = ['10.0.0.1/8']", "trusted_proxies", "10.0.0.0/8"),
        ("[log]\nrequests = 'true'", "log.requests", "true or false"),
        (f"[admin]\npassword = ['{CANARY}']", "admin.password", "must be text"),
        ("[admin]\npassword = ''", "admin.password", "must not be empty"),
        (f"database_url = 'mysql://root:{CANARY}@db/x'", "database_url", "postgresql://"),
    ],
)
def test_a_wrong_file_is_named_with_the_key(tmp_path: Path, text: str, where: str, sentence: str) -> None:
    path = write(tmp_path, text)
    told = refused(config=path)
    assert told.startswith(f"{path}:{where}: ")
    assert sentence in told


@pytest.mark.parametrize(
    "text", ["port = ", "port = 1\nport = 2", f"[admin]\npassword = '{CANARY}", "\udcff"]
)
def test_a_file_that_is_not_toml_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runplane.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert refused(config=path).startswith(f"{path}: is not valid TOML")


def test_a_file_that_is_not_there_is_named_by_who_asked_for_it(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    assert refused({"RUNPLANE_CONFIG": str(missing)}).startswith(
        f"RUNPLANE_CONFIG: the file {missing} cannot be read"
    )
    assert refused(config=missing).startswith(f"--config: the file {missing} cannot be read")
    assert "regular file" in refused(config=tmp_path)


def test_a_secret_in_the_file_needs_a_private_file(tmp_path: Path) -> None:
    text = f"[admin]\npassword = '{CANARY}'"
    assert "chmod 600" in refused(config=write(tmp_path, text, 0o644))
    loaded = load_settings({}, {}, write(tmp_path, text, 0o600))
    assert loaded.settings.admin.password == Secret(CANARY)
    assert load_settings({}, {}, write(tmp_path, "port = 1", 0o644)).settings.port == 1


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = secret_file(tmp_path, CANARY + "\r\n")
    for loaded in (
        load_settings({}, {"RUNPLANE_ADMIN_PASSWORD_FILE": path}),
        load_settings({}, {}, write(tmp_path, f"[admin]\npassword_file = '{path}'", 0o644)),
    ):
        assert loaded.settings.admin.password == Secret(CANARY)
        assert path in loaded.sources["admin.password"]
        assert CANARY not in repr(loaded)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_secret_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, mode=mode)
    assert refused({"RUNPLANE_ADMIN_PASSWORD_FILE": path}) == (
        f"RUNPLANE_ADMIN_PASSWORD_FILE: others can read {path}; run: chmod 600 {path}"
    )


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "is empty"), ("x" * 70_000, "is larger"), ("\n", "is empty")]
)
def test_a_secret_file_without_a_secret_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refused({"RUNPLANE_ADMIN_PASSWORD_FILE": secret_file(tmp_path, text)})


def test_a_secret_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert "regular file" in refused({"RUNPLANE_ADMIN_PASSWORD_FILE": str(pipe)})
    assert "cannot be read" in refused({"RUNPLANE_ADMIN_PASSWORD_FILE": str(tmp_path / "none")})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "binary").chmod(0o600)
    assert "UTF-8" in refused({"RUNPLANE_ADMIN_PASSWORD_FILE": str(tmp_path / "binary")})


def test_a_secret_given_twice_in_one_place_is_refused(tmp_path: Path) -> None:
    path = secret_file(tmp_path)
    text = refused({"RUNPLANE_ADMIN_PASSWORD": CANARY, "RUNPLANE_ADMIN_PASSWORD_FILE": path})
    assert "RUNPLANE_ADMIN_PASSWORD_FILE" in text
    assert "not both" in text


@pytest.mark.parametrize("later_is_file", [True, False])
def test_a_later_source_replaces_either_form_of_a_secret(tmp_path: Path, later_is_file: bool) -> None:
    path = secret_file(tmp_path)
    literal, named = "password = 'the other one'", f"password_file = '{path}'"
    config = write(tmp_path, "[admin]\n" + (literal if later_is_file else named))
    environ = (
        {"RUNPLANE_ADMIN_PASSWORD_FILE": path} if later_is_file else {"RUNPLANE_ADMIN_PASSWORD": "third"}
    )
    password = load_settings({}, environ, config).settings.admin.password
    assert password == Secret(CANARY if later_is_file else "third")


def test_the_key_encryption_key_and_its_file_replace_each_other(tmp_path: Path) -> None:
    config = write(tmp_path, f"[keys]\nkey_encryption_key = '{CANARY}'")
    keys = load_settings({}, {"RUNPLANE_KEYS_KEY_ENCRYPTION_KEY_FILE": "/run/key"}, config).settings.keys
    assert keys.key_encryption_key is None
    assert keys.key_encryption_key_file == Path("/run/key")
    config = write(tmp_path, "[keys]\nkey_encryption_key_file = '/run/key'")
    keys = load_settings({}, {"RUNPLANE_KEYS_KEY_ENCRYPTION_KEY": CANARY}, config).settings.keys
    assert keys.key_encryption_key == Secret(CANARY)


def test_the_database_address_counts_as_a_secret(tmp_path: Path) -> None:
    url = f"postgresql://runplane:{CANARY}@db/runplane"
    settings = load_settings({}, {"RUNPLANE_DATABASE_URL_FILE": secret_file(tmp_path, url)}).settings
    assert settings.database_url == url
    assert CANARY not in repr(settings)
    assert CANARY not in f"{settings}"
    assert "chmod 600" in refused(config=write(tmp_path, f"database_url = '{url}'", 0o644))


@pytest.mark.parametrize(
    "url",
    ["mysql://x", "sqlite://", "sqlite:///", "sqlite:///:memory:", "postgres://x", "runplane.db"],
)
def test_addresses_of_other_databases_are_refused(url: str) -> None:
    assert refused({"RUNPLANE_DATABASE_URL": url}).startswith(
        "RUNPLANE_DATABASE_URL: must be sqlite:///<file>"
    )


@pytest.mark.parametrize(
    "url",
    [
        "runplane.example.com",
        "ftp://runplane.example.com",
        "https://",
        "https://a b",
        "https://user@runplane.example.com",
        "https://runplane.example.com/?a=b",
        "https://runplane.example.com/#a",
        "https://runplane.example.com:99999",
        "https://[::1",
        "https://rünplane.example.com",
    ],
)
def test_a_public_url_that_cannot_name_an_issuer_is_refused(url: str) -> None:
    assert refused({"RUNPLANE_PUBLIC_URL": url}).startswith("RUNPLANE_PUBLIC_URL: must be an address such as")


def test_a_public_url_loses_its_last_slash() -> None:
    settings = load_settings({}, {"RUNPLANE_PUBLIC_URL": "https://runplane.example.com:8443/base/"}).settings
    assert settings.public_url == "https://runplane.example.com:8443/base"


@pytest.mark.parametrize("host", ["http://localhost", "localhost:80", "[::1]", "a b", "a/b", ":"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert refused({"RUNPLANE_HOST": host}).startswith("RUNPLANE_HOST: must be a name or an address")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::", "fe80::1%eth0", "runplane-0.runplane_x"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert load_settings({}, {"RUNPLANE_HOST": host}).settings.host == host


@pytest.mark.parametrize("email", ["admin", "a@b@c", "a b@c", "@c", "a@", "a" * 250 + "@c.de"])
def test_the_first_administrator_needs_an_email_address(email: str) -> None:
    assert refused({"RUNPLANE_ADMIN_EMAIL": email}) == "RUNPLANE_ADMIN_EMAIL: must be an e-mail address."


def test_trusted_proxies_are_networks() -> None:
    settings = load_settings({}, {"RUNPLANE_TRUSTED_PROXIES": "10.0.0.0/8, ::1,"}).settings
    assert settings.trusted_networks == (ip_network("10.0.0.0/8"), ip_network("::1/128"))


def test_the_place_to_correct_is_known_for_every_source(tmp_path: Path) -> None:
    config = write(tmp_path, "port = 1\nhost = 'a'")
    secret = secret_file(tmp_path)
    environ = {"RUNPLANE_HOST": "b", "RUNPLANE_ADMIN_PASSWORD_FILE": secret}
    loaded = load_settings({"data_dir": "c"}, environ, config)
    assert loaded.where("port") == f"{config}:port"
    assert loaded.where("host") == "RUNPLANE_HOST"
    assert loaded.where("data_dir") == "--data-dir"
    assert loaded.where("admin.password") == "RUNPLANE_ADMIN_PASSWORD_FILE"
    assert loaded.where("database_url") == "database_url"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]
