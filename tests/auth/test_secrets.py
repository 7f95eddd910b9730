"""The installation's secret, and what is encrypted or counts once with it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from shared.auth import secret_box, sessions
from shared.auth.oidc_flow import PendingLogin
from shared.auth.one_use import StoredIds, StoredLogins, purge_one_use
from shared.auth.provider_session import ProviderTokens
from shared.auth.secret_box import PLACEHOLDER, SecretBox, load_secret_box
from shared.auth.session_tokens import StoredTokens
from shared.contracts.identity.principal import Principal
from shared.errors import SecretUnusable, SecretWeak
from shared.settings import REPOSITORY, Settings
from shared.store.engine import read_scope
from shared.store.identity_models import PendingLoginRow, SessionRow
from tests.auth.people import LIMITS, NOW, at_once, later
from tests.timing import PATIENCE_S

SECRET = "Zp4vQ9sXw2Lr8Ny6Tb1Hd7Kc3Gm5Jf0A"
BOX = SecretBox(SECRET.encode())
MOMENT = NOW.timestamp()
LOGIN = PendingLogin("nonce", "verifier-secret", "b" * 64, "/sovia", MOMENT)
TOKENS = ProviderTokens("sid-1", "id-secret", "access-secret", MOMENT + 300, "refresh-secret")
BEA = Principal("kc-1", "Bea", {"herten": "viewer"}, "herten")


def settings_of(folder: Path, secret: str = "") -> Settings:
    return Settings(_env_file=None, data_dir=folder, secret_key=secret)


def test_a_sealed_text_opens_only_with_the_same_secret(tmp_path: Path) -> None:
    sealed = BOX.seal("Größe")
    assert "Größe" not in sealed
    assert BOX.open(sealed) == "Größe"
    assert load_secret_box(settings_of(tmp_path, SECRET)).open(sealed) == "Größe"
    assert SecretBox(b"x" * 32).open(sealed) is None
    assert [BOX.open(wrong) for wrong in ("", "ä", sealed[:-2], "A" + sealed[1:])] == [None] * 4


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = {BOX.key(purpose) for purpose in ("audit", "subject", "tokens")}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 3
    assert BOX.key("audit") == SecretBox(SECRET.encode()).key("audit")


def test_without_a_setting_a_private_file_is_made_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "neu")
    sealed = load_secret_box(settings).seal("x")
    file = settings.secret_key_file
    assert file.name == "secret.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_secret_box(settings).open(sealed) == "x"
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]
    other = settings_of(tmp_path / "anders")
    assert load_secret_box(other).open(sealed) is None


def test_several_at_once_get_the_same_secret(tmp_path: Path) -> None:
    settings, barrier, found = settings_of(tmp_path), threading.Barrier(8), []

    def load() -> None:
        barrier.wait(PATIENCE_S)
        found.append(load_secret_box(settings).key("audit"))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    settings = settings_of(tmp_path)
    load_secret_box(settings)
    settings.secret_key_file.chmod(mode)
    with pytest.raises(SecretUnusable, match=r"secret\.key"):
        load_secret_box(settings)


@pytest.mark.parametrize("content", [b"", b"kurz", b"  \n", b"x" * 31])
def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    settings = settings_of(tmp_path)
    load_secret_box(settings)
    settings.secret_key_file.write_bytes(content)
    with pytest.raises(SecretUnusable):
        load_secret_box(settings)
    assert settings.secret_key_file.read_bytes() == content


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    load_secret_box(settings)
    settings.keys_folder.chmod(0o777)
    with pytest.raises(SecretUnusable):
        load_secret_box(settings)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("x")
    with pytest.raises(SecretUnusable):
        load_secret_box(settings_of(tmp_path))


@pytest.mark.parametrize("secret", ["x", "a" * 31, "ä" * 15, PLACEHOLDER])
def test_a_weak_secret_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(SecretWeak, match="URBANKI_SECRET_KEY"):
        load_secret_box(settings_of(tmp_path, secret))
    assert list(tmp_path.iterdir()) == []


def test_the_placeholder_is_that_of_the_example() -> None:
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    assert f"#URBANKI_SECRET_KEY={PLACEHOLDER}\n" in example


def test_settings_do_not_show_the_secret(tmp_path: Path) -> None:
    assert SECRET not in repr(settings_of(tmp_path, SECRET))
    assert SECRET not in str(SecretWeak(name="X", least=secret_box.LEAST_BYTES))


def test_a_login_comes_back_once(engine: Engine) -> None:
    logins = StoredLogins(engine, BOX)
    logins.put("a" * 64, LOGIN)
    with read_scope(engine) as session:
        [kept] = session.scalars(select(PendingLoginRow.code_verifier_enc)).all()
    assert LOGIN.code_verifier not in kept
    assert logins.take("c" * 64) is None
    assert logins.take("a" * 64) == LOGIN
    assert logins.take("a" * 64) is None


def test_a_login_of_another_secret_is_gone(engine: Engine) -> None:
    StoredLogins(engine, BOX).put("a" * 64, LOGIN)
    assert StoredLogins(engine, SecretBox(b"x" * 32)).take("a" * 64) is None


def take_all(engine: Engine, _number: int) -> list[str]:
    logins = StoredLogins(engine, BOX)
    keys = [f"{number:064d}" for number in range(100)]
    return [key for key in keys if logins.take(key) is not None]


def test_two_processes_never_take_the_same_login(settings: Settings, engine: Engine) -> None:
    logins = StoredLogins(engine, BOX)
    for number in range(100):
        logins.put(f"{number:064d}", LOGIN)
    engine.dispose()
    taken = at_once(settings, 2, take_all)
    assert sorted(taken[0] + taken[1]) == [f"{number:064d}" for number in range(100)]


def claim_all(engine: Engine, _number: int) -> list[int]:
    used = StoredIds(engine)
    return [number for number in range(100) if used.claim(f"jti-{number}", MOMENT + 60)]


def test_two_processes_never_claim_the_same_id(settings: Settings, engine: Engine) -> None:
    engine.dispose()
    claimed = at_once(settings, 2, claim_all)
    assert sorted(claimed[0] + claimed[1]) == list(range(100))


def test_strange_ids_count_once_too(engine: Engine) -> None:
    used = StoredIds(engine)
    for token_id in ("\0", "ä" * 10_000, "\ud800", "' OR 1=1 --"):
        assert [used.claim(token_id, MOMENT), used.claim(token_id, MOMENT)] == [True, False]


def test_purging_removes_what_nobody_can_use(engine: Engine) -> None:
    StoredLogins(engine, BOX).put("a" * 64, LOGIN)
    StoredIds(engine).claim("x", MOMENT + 600)
    assert purge_one_use(engine, later(seconds=600)) == 0
    assert purge_one_use(engine, later(seconds=601)) == 2
    assert StoredIds(engine).claim("x", MOMENT + 600) is True


def provided(engine: Engine) -> StoredTokens:
    _, view = sessions.create(
        engine, BEA, mode="keycloak", limits=LIMITS, now=NOW, provider=(TOKENS, BOX)
    )
    assert view.provider_sid == "sid-1"
    return StoredTokens(engine, BOX, view.id)


def test_tokens_are_kept_encrypted(engine: Engine) -> None:
    tokens = provided(engine)
    assert tokens.read() == TOKENS
    with read_scope(engine) as session:
        row = session.scalars(select(SessionRow)).one()
        kept, session_id = " ".join(str(value) for value in vars(row).values()), row.id
    assert "secret" not in kept
    assert StoredTokens(engine, SecretBox(b"x" * 32), session_id).read() is None


def test_renewed_tokens_bring_their_roles_and_free_the_lock(engine: Engine) -> None:
    tokens = provided(engine)
    assert tokens.try_lock(MOMENT, MOMENT + 30) is True
    assert tokens.try_lock(MOMENT, MOMENT + 30) is False
    fresh = ProviderTokens("sid-1", "id-2", "access-2", MOMENT + 900, "refresh-2")
    tokens.store(fresh, Principal("kc-1", "Bea", {"herten": "admin"}, "herten"))
    assert tokens.read() == fresh
    [view] = views(engine)
    assert view.principal.role == "admin"
    assert tokens.try_lock(MOMENT, MOMENT + 30) is True
    tokens.unlock()
    assert tokens.try_lock(MOMENT, MOMENT + 30) is True
    assert tokens.try_lock(MOMENT + 30, MOMENT + 60) is True


def views(engine: Engine) -> list[sessions.SessionView]:
    with read_scope(engine) as session:
        ids = session.scalars(select(SessionRow.id)).all()
    return [view for one in ids if (view := sessions.by_id(engine, one, NOW)) is not None]


def test_an_ended_session_has_no_tokens(engine: Engine) -> None:
    tokens = provided(engine)
    tokens.end()
    assert tokens.read() is None
    assert tokens.try_lock(MOMENT, MOMENT + 30) is False
    tokens.store(TOKENS, BEA)
    assert views(engine) == []


def lock(engine: Engine, _number: int) -> int:
    [view] = views(engine)
    tokens = StoredTokens(engine, BOX, view.id)
    return sum(tokens.try_lock(MOMENT, MOMENT + 30) for _ in range(20))


def test_one_of_many_processes_gets_the_lock(settings: Settings, engine: Engine) -> None:
    provided(engine)
    engine.dispose()
    assert sum(at_once(settings, 4, lock)) == 1
