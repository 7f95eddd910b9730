"""What keeps the gallery from starting: settings that contradict each other or open too much."""

from __future__ import annotations

from shared.errors.base import N_
from shared.errors.operation import OperationError


class SettingUnknown(OperationError):
    """A variable begins like a setting and is none, so a wish would go unheard."""

    code = "einstellung_unbekannt"
    user_message = N_("Die Einstellung {name} gibt es nicht.")
    what_to_do = N_("Bitte prüfen Sie die Schreibweise; am ähnlichsten ist {nearest}.")


class SettingMissing(OperationError):
    """A setting that others need is empty."""

    code = "einstellung_fehlt"
    user_message = N_("Die Einstellung {name} fehlt.")
    what_to_do = N_("Was sie bedeutet, steht in der Tabelle der Einstellungen in der README.")


class ModesConflict(OperationError):
    """Two ways of signing in are set."""

    code = "betriebsarten_zugleich"
    user_message = N_("Die Einstellungen {first} und {second} schließen einander aus.")
    what_to_do = N_("Bitte lassen Sie eine von beiden weg.")


class PublicUrlUnencrypted(OperationError):
    """Other machines would reach the gallery without encryption."""

    code = "adresse_unverschluesselt"
    user_message = N_(
        "Die Galerie wäre von außen erreichbar, aber URBANKI_PUBLIC_URL nennt keine Adresse "
        "mit https."
    )
    what_to_do = N_(
        "Bitte stellen Sie einen Proxy mit https davor und nennen Sie dessen Adresse, "
        "oder setzen Sie URBANKI_HOST=127.0.0.1."
    )


class LocalAccountsPublic(OperationError):
    """Other machines would reach accounts of this installation, and nobody has allowed that."""

    code = "konten_oeffentlich"
    user_message = N_("Die Galerie wäre von außen erreichbar und hat eigene Konten.")
    what_to_do = N_(
        "Ist das gewollt, setzen Sie URBANKI_ALLOW_LOCAL_ACCOUNTS_PUBLIC=1; "
        "sonst URBANKI_HOST=127.0.0.1 und kein URBANKI_PUBLIC_URL."
    )


class HostNamesMissing(OperationError):
    """Other machines would reach the gallery under any name, also one that an attacker chose."""

    code = "rechnernamen_fehlen"
    user_message = N_(
        "Die Galerie wäre von außen erreichbar, aber weder URBANKI_PUBLIC_URL noch "
        "URBANKI_ALLOWED_HOSTS nennt ihren Namen."
    )
    what_to_do = N_("Bitte nennen Sie den Namen, unter dem andere Rechner sie erreichen.")


class FirstPasswordsKept(OperationError):
    """Other machines would reach accounts whose passwords the first start has printed."""

    code = "erste_passwoerter"
    user_message = N_(
        "Die Galerie wäre von außen erreichbar, aber diese Konten haben noch ihr erstes "
        "Passwort: {names}."
    )
    what_to_do = N_(
        "Bitte starten Sie zuerst nur für diese Maschine und ändern Sie die Passwörter. "
        "Konten, die niemand braucht, lassen sich sperren, siehe docs/betrieb.md."
    )


class AccountsMissing(OperationError):
    """Other machines would reach a gallery whose first accounts are still to be made."""

    code = "konten_fehlen"
    user_message = N_("Die Galerie wäre von außen erreichbar, aber es gibt noch kein Konto.")
    what_to_do = N_(
        "Bitte starten Sie zuerst nur für diese Maschine, oder legen Sie eines mit "
        "python -m shared.auth an, siehe docs/betrieb.md."
    )


class KioskForeignData(OperationError):
    """The database of a kiosk holds more than examples."""

    code = "kiosk_fremde_daten"
    user_message = N_(
        "Im Kiosk sind nur Beispieldaten erlaubt; die Datenbank enthält Daten von {tenants}."
    )
    what_to_do = N_("Bitte geben Sie dem Kiosk mit URBANKI_DATA_DIR einen eigenen Datenordner.")
