"""Database, files, data space and reports."""

from __future__ import annotations

from shared.errors.base import N_
from shared.errors.inputs import InputError
from shared.errors.operation import OperationError


class PdfLibraryMissing(OperationError):
    """A library of the operating system is missing that lays out the text of PDF files."""

    code = "pdf_bibliothek_fehlt"
    user_message = N_("Für PDF-Dateien fehlt die Bibliothek Pango.")
    what_to_do = N_(
        "Bitte installieren Sie sie: "
        "apt-get install --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 "
        "libharfbuzz-subset0."
    )


class TemplateFaulty(OperationError):
    """Somebody changed the form of the reports so that it no longer works."""

    code = "vorlage_fehlerhaft"
    user_message = N_("Die Vorlage der Berichte ist fehlerhaft.")
    what_to_do = N_(
        "Bitte prüfen Sie die Dateien in shared/report/templates; den Grund nennt das Protokoll."
    )


class StorageFull(OperationError):
    """No space left or folder not writable."""

    code = "speicher_voll"
    user_message = N_("Der Ordner {folder} ist voll oder nicht beschreibbar.")
    what_to_do = N_("Bitte schaffen Sie Platz oder wählen Sie einen anderen Ordner.")
    http_status = 507


class DatabaseUnreachable(OperationError):
    """The database does not answer."""

    code = "datenbank_weg"
    user_message = N_("Die Datenbank ist nicht erreichbar.")
    what_to_do = N_("Bitte warten Sie einen Moment. Was angenommen wurde, ist sicher.")
    http_status = 503
    retry = "wait"


class DatabaseBusy(OperationError):
    """Another process has held the database for too long."""

    code = "datenbank_belegt"
    user_message = N_("Die Datenbank ist gerade belegt.")
    what_to_do = N_("Bitte versuchen Sie es in einigen Sekunden noch einmal.")
    http_status = 503
    retry = "wait"


class DatabaseDamaged(OperationError):
    """The file of the database no longer has a content that makes sense."""

    code = "datenbank_beschaedigt"
    user_message = N_("Die Datenbank ist beschädigt.")
    what_to_do = N_("Bitte spielen Sie die letzte Sicherung ein.")


class SchemaDiffers(OperationError):
    """The tables belong to an older or a newer version of the program."""

    code = "datenbank_fassung"
    user_message = N_(
        "Die Datenbank hat die Fassung {found}, das Programm braucht die Fassung {expected}."
    )
    what_to_do = N_(
        "Ist die Datenbank älter, hilft: python -m shared.store migrate. "
        "Ist sie neuer, installieren Sie bitte das neuere Programm."
    )


class StorageUnreachable(OperationError):
    """The place of the files does not answer or may not be read."""

    code = "ablage_weg"
    user_message = N_("Die Ablage der Dateien ist nicht erreichbar.")
    what_to_do = N_("Bitte warten Sie einen Moment. Was angenommen wurde, ist sicher.")
    http_status = 503
    retry = "wait"


class FileDamaged(OperationError):
    """A stored file no longer has the content that was stored."""

    code = "datei_beschaedigt"
    user_message = N_("Die gespeicherte Datei „{name}“ ist beschädigt.")
    what_to_do = N_(
        "Bitte laden Sie die Datei noch einmal hoch oder spielen Sie die Sicherung ein."
    )


class FileGone(OperationError):
    """A stored file is not there any more."""

    code = "datei_verschwunden"
    user_message = N_("Die gespeicherte Datei „{name}“ ist nicht mehr da.")
    what_to_do = N_(
        "Bitte laden Sie die Datei noch einmal hoch oder spielen Sie die Sicherung ein."
    )


class BackupUnusable(InputError):
    """A file that is no backup of this program, or is damaged."""

    code = "sicherung_unbrauchbar"
    user_message = N_("Die Sicherung ist unbrauchbar: {reason}")
    what_to_do = N_("Bitte wählen Sie eine andere Sicherung.")


class InstallationNotEmpty(InputError):
    """A backup can only be restored where nothing is stored yet."""

    code = "installation_nicht_leer"
    user_message = N_("Hier sind schon Daten gespeichert.")
    what_to_do = N_("Bitte spielen Sie die Sicherung in eine leere Installation ein.")


class LayerNameInvalid(InputError):
    """A name of the data space that is not `<app>/<what>[/<area>]`."""

    code = "datensatz_name"
    user_message = N_("„{name}“ ist kein Name für einen Datensatz.")
    what_to_do = N_(
        "Erlaubt sind Kleinbuchstaben, Ziffern und Unterstriche: anwendung/inhalt/gebiet."
    )


class LayerSchemaChanged(InputError):
    """A new version has other columns than the versions before."""

    code = "datensatz_spalten"
    user_message = N_("Der Datensatz „{name}“ hat bisher andere Spalten.")
    what_to_do = N_("Bitte veröffentlichen Sie ihn unter einem neuen Namen.")


class LayerInUse(InputError):
    """Something that others read must not vanish by the way."""

    code = "datensatz_genutzt"
    user_message = N_("Der Datensatz „{name}“ wird noch genutzt von: {readers}.")
    what_to_do = N_("Bitte sprechen Sie sich ab oder löschen Sie ihn ausdrücklich trotzdem.")
    http_status = 409


class DeletionIncomplete(OperationError):
    """After a deletion something was still there."""

    code = "loeschung_unvollstaendig"
    user_message = N_("Es sind noch {rows} Zeilen und {files} Dateien übrig.")
    what_to_do = N_(
        "Vermutlich endet gerade ein Auftrag. Bitte löschen Sie in einer Minute noch einmal."
    )
    http_status = 503


class SampleMixed(InputError):
    """Example data and real data in one sum."""

    code = "beispiel_gemischt"
    user_message = N_("Beispieldaten und echte Daten lassen sich nicht zusammen auswerten.")
    what_to_do = N_("Bitte wählen Sie nur Beispieldaten oder nur echte Daten.")


class ReportInvalid(InputError):
    """A report that no renderer could show well, or a file that holds none."""

    code = "bericht_ungueltig"
    user_message = N_("Der Bericht ist unbrauchbar: {reason}")
    what_to_do = N_("Bitte prüfen Sie den Bericht.")


class ProvenanceMissing(InputError):
    """A file that does not say where it comes from, at least not readably."""

    code = "herkunft_fehlt"
    user_message = N_("Die Datei „{name}“ nennt keine lesbare Herkunft.")
    what_to_do = N_("Bitte wählen Sie eine Datei, die diese Galerie geschrieben hat.")


class ChangedMeanwhile(InputError):
    """Two tabs or two people decided about the same thing."""

    code = "inzwischen_geaendert"
    user_message = N_("Das wurde inzwischen geändert.")
    what_to_do = N_("Bitte sehen Sie sich den neuen Stand an und entscheiden Sie noch einmal.")
    http_status = 409
