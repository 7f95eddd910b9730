"""Questions that the demo city cannot answer."""

from __future__ import annotations

from shared.errors.base import N_
from shared.errors.inputs import InputError


class TableUnknown(InputError):
    """No table of that name."""

    code = "beispieltabelle_unbekannt"
    user_message = N_("Die Beispielstadt hat keine Tabelle „{name}“.")
    what_to_do = N_("Vorhanden sind: {known}.")
    http_status = 404


class TableNotYet(InputError):
    """A table that an app brings which is not there yet."""

    code = "beispieltabelle_folgt"
    user_message = N_("Die Tabelle „{name}“ der Beispielstadt gibt es noch nicht.")
    what_to_do = N_("Sie kommt mit der Anwendung {app}.")
    http_status = 404
