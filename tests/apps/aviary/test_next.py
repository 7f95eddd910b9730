"""Ways on from a result lead only to apps that are there and may be opened."""

from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from apps.aviary.views import next as view_next

SHOWN: list[str] = []


def show(monkeypatch, apps, *, kiosk=False, allowed=True):
    SHOWN.clear()
    found = [
        SimpleNamespace(
            id=name, roles_min="gast", localized=lambda part, language, n=name: n.title()
        )
        for name in apps
    ]
    monkeypatch.setattr(view_next, "manifests", lambda only: found)
    monkeypatch.setattr(view_next, "is_kiosk", lambda: kiosk)
    monkeypatch.setattr(view_next, "may_open", lambda principal, app, roles: allowed)
    monkeypatch.setattr(
        view_next.st, "page_link", lambda script, label: SHOWN.append(f"{script} {label}")
    )

    def page():
        from types import SimpleNamespace

        from apps.aviary.views.next import show_next

        show_next(
            SimpleNamespace(
                settings=SimpleNamespace(app_ids=()),
                principal=None,
                language="de",
                t=lambda text, **words: text.format(**words),
            )
        )

    AppTest.from_function(page).run()
    return list(SHOWN)


def test_the_apps_that_are_there_are_offered_in_their_order(monkeypatch):
    assert show(monkeypatch, ["archivair", "sovia", "surentia"]) == [
        "surentia/page.py Weiter in Surentia",
        "sovia/page.py Weiter in Sovia",
    ]


def test_nothing_is_offered_without_them_without_the_right_or_to_visitors(monkeypatch):
    assert show(monkeypatch, ["archivair"]) == []
    assert show(monkeypatch, ["sovia"], allowed=False) == []
    assert show(monkeypatch, ["sovia"], kiosk=True) == []
