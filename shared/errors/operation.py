"""The set-up of this machine: keys, ports, settings, parts that do not start."""

from __future__ import annotations

from shared.errors.base import N_, UrbanKiError


class OperationError(UrbanKiError):
    """Disk, set-up or a missing program."""

    code = "betrieb"


class SecretUnusable(OperationError):
    """A key's file is empty, damaged, unreadable, unwritable, or open for others."""

    code = "geheimnis_unbrauchbar"
    user_message = N_(
        "Die Datei {file} mit einem Schlüssel ist unbrauchbar, nicht beschreibbar oder "
        "für andere offen."
    )
    what_to_do = N_(
        "Bitte prüfen Sie Rechte und freien Platz ihres Ordners. "
        "Fehlt die Datei, entsteht sie beim nächsten Start neu."
    )


class KeySetMissing(OperationError):
    """The file with the public keys of the installation is not there."""

    code = "schluessel_fehlen"
    user_message = N_("Die Datei {file} mit den öffentlichen Schlüsseln fehlt.")
    what_to_do = N_("Bitte kopieren Sie die Datei von der Galerie; sie liegt dort im Ordner keys.")


class KeySetUnusable(OperationError):
    """The file is no key set, holds a private key, or anybody may change it."""

    code = "schluessel_unbrauchbar"
    user_message = N_("Die Datei {file} mit den öffentlichen Schlüsseln ist unbrauchbar.")
    what_to_do = N_("Bitte kopieren Sie die Datei von der Galerie; sie liegt dort im Ordner keys.")


class KeySetPlaceholder(OperationError):
    """The file still is the template, or holds a key that everybody knows."""

    code = "schluessel_platzhalter"
    user_message = N_("Die Datei {file} enthält noch den Platzhalter statt eines Schlüssels.")
    what_to_do = N_("Bitte kopieren Sie die Datei von der Galerie; sie liegt dort im Ordner keys.")


class PortTaken(OperationError):
    """Another program listens on a port that is needed."""

    code = "port_belegt"
    user_message = N_("Der Port {port} ist schon belegt; vielleicht läuft die Galerie bereits.")
    what_to_do = N_(
        "Bitte beenden Sie das andere Programm oder wählen Sie einen anderen Port, "
        "zum Beispiel mit {setting}={other}."
    )


class SettingInvalid(OperationError):
    """A setting of `.env` or the environment has a value that is not allowed."""

    code = "einstellung_ungueltig"
    user_message = N_("Die Einstellung {name} hat den ungültigen Wert „{value}“.")
    what_to_do = N_("Erlaubte Werte nennt die Tabelle der Einstellungen in der README.")


class SettingsUnreadable(OperationError):
    """A file with settings cannot be read or is no UTF-8 text."""

    code = "einstellungen_unlesbar"
    user_message = N_("Eine Datei mit Einstellungen ist nicht lesbar.")
    what_to_do = N_("Bitte speichern Sie die Datei als Text in UTF-8.")


class InternalPortOpen(OperationError):
    """A setting of BentoML that would open a port on which it accepts pickle."""

    code = "interner_port"
    user_message = N_("Die Umgebungsvariable BENTOML_NO_UDS öffnet einen ungeschützten Port.")
    what_to_do = N_("Bitte entfernen Sie die Variable und starten Sie neu.")


class AddressPublic(OperationError):
    """The model server would be reachable from outside and nobody has said that it may."""

    code = "adresse_oeffentlich"
    user_message = N_(
        "Die Adresse {address} ist von außen erreichbar, URBANKI_PUBLIC=1 ist aber nicht gesetzt."
    )
    what_to_do = N_(
        "Bitte starten Sie den Modellserver mit --host 127.0.0.1 oder setzen Sie URBANKI_PUBLIC=1."
    )


class GpuUnusable(OperationError):
    """The settings demand a GPU and there is none that the installed engine can use."""

    code = "gpu_fehlt"
    user_message = N_("Die Einstellung URBANKI_DEVICE verlangt eine Grafikkarte, die hier fehlt.")
    what_to_do = N_(
        "Bitte prüfen Sie Karte, Treiber und das Paket onnxruntime-gpu oder setzen Sie "
        "URBANKI_DEVICE=auto."
    )


class StartFailed(OperationError):
    """A part of the gallery does not start."""

    code = "start_gescheitert"
    user_message = N_("Der Programmteil {part} ist nicht gestartet.")
    what_to_do = N_("Den Grund nennt die Datei {log}.")


class AppBroken(OperationError):
    """An app's manifest or page cannot be loaded."""

    code = "anwendung_defekt"
    user_message = N_("Diese Anwendung konnte nicht geladen werden.")
    what_to_do = N_(
        "Alle anderen Anwendungen laufen weiter. Bitte informieren Sie die Systembetreuung."
    )


class ReadingNotPossible(OperationError):
    """Too many uploads are read at once, or no process for it can be started."""

    code = "pruefung_nicht_moeglich"
    user_message = N_("Die Datei kann gerade nicht geprüft werden.")
    what_to_do = N_(
        "Vielleicht werden zu viele Dateien zugleich geprüft. Versuchen Sie es gleich noch einmal."
    )
    http_status = 503
