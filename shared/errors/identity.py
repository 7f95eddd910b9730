"""Accounts, passwords and the secret that encrypts."""

from __future__ import annotations

from shared.errors.base import N_
from shared.errors.inputs import InputError
from shared.errors.operation import OperationError
from shared.errors.requests import RequestError


class SignInRefused(RequestError):
    """Name or password wrong, blocked for a while, or disabled: nobody learns which."""

    code = "anmeldung_abgelehnt"
    user_message = N_("Anmeldung nicht möglich.")
    what_to_do = N_("Prüfen Sie Name und Passwort oder warten Sie kurz.")
    http_status = 401


class OldPasswordWrong(InputError):
    """Somebody who is signed in does not know the password, or has tried too often."""

    code = "passwort_bisher"
    user_message = N_("Das bisherige Passwort stimmt nicht, oder es gab zu viele Versuche.")
    what_to_do = N_("Prüfen Sie das bisherige Passwort oder warten Sie kurz.")


class PasswordLength(InputError):
    """A new password is too short or too long."""

    code = "passwort_laenge"
    user_message = N_("Das Passwort braucht {least} bis {most} Zeichen.")
    what_to_do = N_("Gut sind vier Wörter, die nichts miteinander zu tun haben.")


class PasswordGuessable(InputError):
    """A new password is on the list of common ones, or the person's name."""

    code = "passwort_bekannt"
    user_message = N_("Das Passwort ist leicht zu erraten: Es ist allgemein bekannt oder Ihr Name.")
    what_to_do = N_("Gut sind vier Wörter, die nichts miteinander zu tun haben.")


class PasswordUnchanged(InputError):
    """The new password is the old one."""

    code = "passwort_gleich"
    user_message = N_("Das neue Passwort ist das bisherige.")
    what_to_do = N_("Bitte wählen Sie ein anderes.")


class PasswordRepeatDiffers(InputError):
    """The new password was typed in two ways."""

    code = "passwort_wiederholung"
    user_message = N_("Die beiden neuen Passwörter sind nicht gleich.")
    what_to_do = N_("Bitte geben Sie das neue Passwort zweimal gleich ein.")


class FormRefused(RequestError):
    """A form of the account pages that no browser makes of them."""

    code = "formular_ungueltig"
    user_message = N_("Das Formular ist unvollständig oder beschädigt.")
    what_to_do = N_("Bitte öffnen Sie die Seite neu.")


class FormForeign(FormRefused):
    """It comes from a page of another place."""

    code = "formular_fremd"
    user_message = N_("Das Formular kam nicht von einer Seite dieser Galerie.")
    http_status = 403


class FormTooLarge(FormRefused):
    """It is larger than any that was filled in by hand."""

    code = "formular_zu_gross"
    user_message = N_("Das Formular ist zu groß.")
    http_status = 413


class FormExpired(FormRefused):
    """It does not belong to this browser, or was open for too long."""

    code = "formular_abgelaufen"
    user_message = N_("Das Formular ist abgelaufen.")
    what_to_do = N_(
        "Bitte füllen Sie es noch einmal aus. Ihr Browser muss Cookies dieser Seite annehmen."
    )
    http_status = 403


class AccountNameInvalid(InputError):
    """A name for signing in has other characters than those allowed."""

    code = "kontoname_ungueltig"
    user_message = N_("Das ist kein Name für ein Konto.")
    what_to_do = N_(
        "Erlaubt sind 2 bis 64 Zeichen: Buchstaben von a bis z, ä, ö, ü, Ziffern und dazwischen "
        "Punkt, Bindestrich, Unterstrich und @."
    )


class AccountNameTaken(InputError):
    """Another account has this name."""

    code = "kontoname_vergeben"
    user_message = N_("Das Konto „{name}“ gibt es schon.")
    what_to_do = N_("Bitte wählen Sie einen anderen Namen.")
    http_status = 409


class AccountUnknown(InputError):
    """Nobody has this account."""

    code = "konto_unbekannt"
    user_message = N_("Dieses Konto gibt es nicht.")
    what_to_do = N_("Bitte prüfen Sie den Namen.")
    http_status = 404


class AccountRightsInvalid(InputError):
    """Rights that an account cannot have; the classes below say which."""

    code = "kontorechte_ungueltig"
    user_message = N_("Diese Rechte kann ein Konto nicht haben.")
    what_to_do = N_("Bitte prüfen Sie Rolle, Kommune und Anwendungen.")


class RoleUnknown(AccountRightsInvalid):
    """People have no such role."""

    code = "rolle_unbekannt"
    user_message = N_("Die Rolle „{role}“ gibt es nicht.")


class TenantUnknown(AccountRightsInvalid):
    """This installation serves no such municipality."""

    code = "kommune_unbekannt"
    user_message = N_("Die Kommune „{tenant}“ gibt es nicht.")


class AppsInvalid(AccountRightsInvalid):
    """A list of apps that is empty, or holds something that is none."""

    code = "anwendungen_ungueltig"
    user_message = N_("Die Liste der Anwendungen ist leer oder nennt etwas, das keine ist.")


class AppsWithoutRole(AccountRightsInvalid):
    """Apps in a municipality in which the account has no role."""

    code = "anwendungen_ohne_rolle"
    user_message = N_("In der Kommune „{tenant}“ hat das Konto keine Rolle.")


class LastAdmin(InputError):
    """A change would leave a municipality without anybody who administers it."""

    code = "letzte_administration"
    user_message = N_("Das ist die letzte Administration der Kommune „{tenant}“.")
    what_to_do = N_("Bitte geben Sie zuerst einem anderen Konto die Rolle Administration.")
    http_status = 409


class AccountElsewhere(InputError):
    """An account also belongs to a municipality that the acting person does not administer."""

    code = "konto_auch_anderswo"
    user_message = N_("Dieses Konto gehört auch zu einer anderen Kommune.")
    what_to_do = N_(
        "Passwort und Sperre ändert nur, wer alle seine Kommunen verwaltet. "
        "Sie können ihm die Rolle in Ihrer Kommune nehmen."
    )
    http_status = 409


class AccountWithoutRole(InputError):
    """An account would have no role in any municipality, so nobody would manage it."""

    code = "konto_ohne_rolle"
    user_message = N_("Das Konto hätte dann in keiner Kommune mehr eine Rolle.")
    what_to_do = N_("Bitte sperren Sie es stattdessen.")
    http_status = 409


class OwnPassword(InputError):
    """Somebody wants to reset the password that she signs in with."""

    code = "eigenes_passwort"
    user_message = N_("Das ist Ihr eigenes Konto.")
    what_to_do = N_("Ihr Passwort ändern Sie auf der Seite „Passwort ändern“.")
    http_status = 409


class SecretWeak(OperationError):
    """The secret of the settings protects nothing."""

    code = "geheimnis_schwach"
    user_message = N_("Die Einstellung {name} ist kürzer als {least} Zeichen oder ein Platzhalter.")
    what_to_do = N_(
        "Bitte setzen Sie einen zufälligen Wert, zum Beispiel von: openssl rand -base64 32. "
        "Ohne die Einstellung entsteht eine Datei mit einem eigenen Schlüssel."
    )
