"""The one tree of errors that people or machines may see.

UrbanKiError
├── InputError                 somebody gave us something unusable (HTTP 400, exit code 2)
│   ├── ItemError              one image, page or text of a request; its neighbours go on
│   └── RequestError           the whole request
├── ModelServerError           the model server could not answer (exit code 3)
├── JobError                   a job or one of its units could not be done
└── OperationError             disk, database, set-up

Each class has a stable `code`, a German `user_message` and `what_to_do` (both templates that are
filled from the keyword arguments; English stands in the message catalogue) and an HTTP status.
Causes with file names or numbers of the machine belong into the log, never into these texts.
`python -m shared.errors` prints the table.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from typing import ClassVar, Literal

REFERENCE_PREFIX = "UK-"


def new_reference() -> str:
    """Return a fresh number that names one failure on the page and in the log."""
    return REFERENCE_PREFIX + secrets.token_hex(4).upper()


Retry = Literal["never", "attempts", "wait"]
"""What a job does with a unit that failed so: give up, try a few times, or wait until it works."""


def N_(text: str) -> str:  # gettext's own name for "mark, translate later"
    """Mark a text for the message catalogue without translating it."""
    return text


class UrbanKiError(Exception):
    """Base of all errors; `details` fill the placeholders of both texts."""

    code: ClassVar[str] = "unerwarteter_fehler"
    user_message: ClassVar[str] = N_("Es ist ein unerwarteter Fehler aufgetreten.")
    what_to_do: ClassVar[str] = N_("Bitte versuchen Sie es noch einmal.")
    http_status: ClassVar[int] = 500
    retry: ClassVar[Retry] = "never"

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(self.user_message.format(**in_german(details)))

    @property
    def remedy(self) -> str:
        """German advice with its placeholders filled."""
        return self.what_to_do.format(**in_german(self.details))


def in_german(details: Mapping[str, object]) -> dict[str, object]:
    """Write the decimal numbers of placeholders the German way, with at most three places."""
    return {
        name: f"{value:.3f}".rstrip("0").rstrip(".").replace(".", ",")
        if isinstance(value, float)
        else value
        for name, value in details.items()
    }


class InputError(UrbanKiError):
    """Input that cannot be used."""

    code = "eingabe_ungueltig"
    user_message = N_("Die Eingabe ist ungültig: {reason}")
    what_to_do = N_("Bitte prüfen Sie die Eingabe.")
    http_status = 400


class ItemError(InputError):
    """One item of a request is unusable."""

    code = "teil_ungueltig"
    http_status = 422


class EmptyFile(ItemError):
    """A file of zero bytes."""

    code = "datei_leer"
    user_message = N_("Die Datei ist leer.")
    what_to_do = N_("Bitte wählen Sie eine andere Datei.")


class FileTooLarge(ItemError):
    """More megabytes than the app takes."""

    code = "datei_zu_gross"
    user_message = N_("Die Datei ist größer als {limit_mb} MB.")
    what_to_do = N_("Bitte teilen oder verkleinern Sie die Datei.")
    http_status = 413


class FileTypeRefused(ItemError):
    """Content is none of the kinds the app reads."""

    code = "dateityp"
    user_message = N_("Diese Art von Datei kann die Anwendung nicht lesen.")
    what_to_do = N_("Möglich sind: {allowed}.")


class FileUnlikeName(ItemError):
    """The ending of the name promises another content."""

    code = "inhalt_passt_nicht"
    user_message = N_("Die Datei endet auf .{ending}, enthält aber {found}.")
    what_to_do = N_("Bitte benennen Sie die Datei richtig oder wählen Sie eine andere.")


class UnsupportedImage(ItemError):
    """Content is none of the allowed image formats."""

    code = "bild_format"
    user_message = N_("Dieses Bildformat wird nicht unterstützt.")
    what_to_do = N_("Bitte verwenden Sie JPEG, PNG, TIFF oder WEBP.")


class DamagedImage(ItemError):
    """Truncated or broken image."""

    code = "bild_beschaedigt"
    user_message = N_("Das Bild ist beschädigt oder unvollständig.")
    what_to_do = N_("Bitte speichern Sie das Bild neu und laden Sie es noch einmal hoch.")


class ImageTooLarge(ItemError):
    """More pixels than allowed."""

    code = "bild_zu_gross"
    user_message = N_("Das Bild hat {megapixels} Megapixel, erlaubt sind {limit}.")
    what_to_do = N_("Bitte teilen oder verkleinern Sie das Bild.")


class ImageSideOutOfRange(ItemError):
    """A side is too short or too long for the task."""

    code = "bild_kantenlaenge"
    user_message = N_(
        "Das Bild ist {width} x {height} Bildpunkte groß. "
        "Erlaubt sind {minimum} bis {maximum} je Seite."
    )
    what_to_do = N_("Bitte schneiden Sie das Bild zu.")


class UnsupportedBitDepth(ItemError):
    """Not 8 bits per band."""

    code = "farbtiefe"
    user_message = N_("Das Bild hat nicht 8 Bit je Farbe.")
    what_to_do = N_("Bitte speichern Sie das Bild mit 8 Bit je Farbe.")


class BandsMissing(ItemError):
    """The image has too few or too many bands."""

    code = "baender_fehlen"
    user_message = N_("Das Bild hat {found} Kanäle, gebraucht werden {needed}.")
    what_to_do = N_("Bitte verwenden Sie ein Farbbild.")


class ResolutionMissing(ItemError):
    """Ground sampling distance is needed and unknown."""

    code = "aufloesung_fehlt"
    user_message = N_("Bitte geben Sie die Bodenauflösung an (--gsd, in Metern je Bildpunkt).")
    what_to_do = N_("Die Bodenauflösung steht beim Lieferanten des Luftbilds, etwa 0,10 m.")


class ResolutionUnsuitable(ItemError):
    """Ground sampling distance is outside the model's range."""

    code = "aufloesung_ungeeignet"
    user_message = N_(
        "Die Bodenauflösung {found} m passt nicht: Das Modell braucht {minimum} bis {maximum} m."
    )
    what_to_do = N_("Bitte prüfen Sie die Angabe oder verwenden Sie ein feineres Luftbild.")


class ResolutionInvalid(ItemError):
    """Stated ground sampling distance is no usable number."""

    code = "aufloesung_ungueltig"
    user_message = N_(
        "Die Bodenauflösung „{found}“ ist ungültig. "
        "Erlaubt ist eine Zahl von {minimum} bis {maximum} (Meter je Bildpunkt)."
    )
    what_to_do = N_("Die Bodenauflösung steht beim Lieferanten des Luftbilds, etwa 0,10 m.")


class ImageWithoutColour(ItemError):
    """A grey image where colours are needed."""

    code = "graubild"
    user_message = N_("Das Bild ist ein Graubild. Gebraucht wird ein Farbbild.")
    what_to_do = N_("Bitte verwenden Sie ein Luftbild mit den Kanälen Rot, Grün und Blau.")


class PairUnequal(ItemError):
    """The two images of a pair differ in size."""

    code = "bildpaar_ungleich"
    user_message = N_("Die beiden Bilder sind verschieden groß: {before} und {after} Bildpunkte.")
    what_to_do = N_("Bitte schneiden Sie beide Bilder auf denselben Ausschnitt zu.")


class MaskInvalid(ItemError):
    """The mask band of an image holds more than inside and outside."""

    code = "maske_ungueltig"
    user_message = N_("Die Maske im vierten Kanal ist an {pixels} Bildpunkten weder 0 noch 255.")
    what_to_do = N_("Bitte speichern Sie die Maske verlustfrei, zum Beispiel als PNG.")


class AnimatedImage(ItemError):
    """More than one frame."""

    code = "bild_bewegt"
    user_message = N_("Die Datei enthält {frames} Einzelbilder. Gebraucht wird ein einziges Bild.")
    what_to_do = N_("Bitte speichern Sie das gewünschte Einzelbild in einer eigenen Datei.")


class FileMissing(InputError):
    """A named file or folder is not there or cannot be read."""

    code = "datei_fehlt"
    user_message = N_("„{name}“ gibt es nicht oder ist nicht lesbar.")
    what_to_do = N_("Bitte prüfen Sie Namen und Zugriffsrechte.")


class FolderWithoutImages(InputError):
    """A folder holds no image."""

    code = "ordner_ohne_bild"
    user_message = N_("Im Ordner „{name}“ liegt kein Bild.")
    what_to_do = N_("Bitte wählen Sie einen Ordner mit TIFF-, JPEG-, PNG- oder WEBP-Dateien.")


class CoordinatesInDegrees(InputError):
    """A coordinate system without metres."""

    code = "koordinaten_in_grad"
    user_message = N_("Das Koordinatensystem {crs} rechnet nicht in Metern.")
    what_to_do = N_("Bitte wandeln Sie das Bild um, in Deutschland zum Beispiel in EPSG:25832.")


class CoordinatesUnknown(InputError):
    """A coordinate system nobody knows."""

    code = "koordinaten_unbekannt"
    user_message = N_("Das Koordinatensystem „{crs}“ ist nicht bekannt.")
    what_to_do = N_("Bitte geben Sie es als EPSG-Nummer an, zum Beispiel EPSG:25832.")


class AreaInvalid(InputError):
    """The area file holds no usable polygon."""

    code = "gebiet_ungueltig"
    user_message = N_("Die Datei mit dem Gebiet enthält keine brauchbare Fläche.")
    what_to_do = N_("Bitte verwenden Sie eine GeoJSON-Datei mit einem Polygon.")


class AreaOutside(InputError):
    """The area does not meet the image."""

    code = "gebiet_ausserhalb"
    user_message = N_("Das Gebiet liegt außerhalb des Bildes.")
    what_to_do = N_("Bitte prüfen Sie Lage und Koordinatensystem des Gebiets.")


class AreaTooSmall(InputError):
    """The area covers next to nothing of the image."""

    code = "gebiet_zu_klein"
    user_message = N_("Das Gebiet trifft nur {pixels} Bildpunkte.")
    what_to_do = N_("Bitte wählen Sie ein größeres Gebiet.")


class RecipeUnknown(InputError):
    """No recipe of that name."""

    code = "rezept_unbekannt"
    user_message = N_("Das Rezept „{name}“ gibt es nicht. Am ähnlichsten ist „{nearest}“.")
    what_to_do = N_("Alle Rezepte zeigt: python -m apps.aviary recipes")


class RecipeBroken(InputError):
    """A recipe file that cannot be used."""

    code = "rezept_defekt"
    user_message = N_("Die Rezeptdatei „{name}“ ist fehlerhaft: {reason}")
    what_to_do = N_("Bitte verwenden Sie eine unveränderte Rezeptdatei.")


class ResultsExist(InputError):
    """The output folder already holds a result."""

    code = "ergebnis_vorhanden"
    user_message = N_("Im Ordner „{folder}“ liegt schon ein Ergebnis.")
    what_to_do = N_("Bitte wählen Sie einen anderen Ordner oder überschreiben Sie mit --force.")


class TextTooLong(ItemError):
    """A text is empty or too long."""

    code = "text_laenge"
    user_message = N_("Der Text muss 1 bis {limit} Zeichen lang sein.")
    what_to_do = N_("Bitte kürzen oder ergänzen Sie den Text.")


class TextInvalid(ItemError):
    """A text that is no valid Unicode, for example half of a surrogate pair."""

    code = "text_zeichen"
    user_message = N_("Der Text enthält ungültige Zeichen.")
    what_to_do = N_("Bitte geben Sie den Text neu ein.")


class PredictionFailed(ItemError):
    """The model failed on this item alone."""

    code = "vorhersage_gescheitert"
    user_message = N_("Das Modell konnte diesen Teil nicht auswerten.")
    what_to_do = N_("Die anderen Teile sind nicht betroffen. Bitte prüfen Sie diesen Teil.")
    http_status = 500


class OutOfModelMemory(ItemError):
    """Even a batch of one does not fit."""

    code = "speicher"
    user_message = N_("Für diesen Teil reicht der Arbeitsspeicher des Modellservers nicht.")
    what_to_do = N_("Bitte verkleinern Sie das Bild.")
    http_status = 500


class BatchContractError(ItemError):
    """A predictor returned a wrong number of results; nobody gets a neighbour's result."""

    code = "stapel_verletzt"
    user_message = N_("Die Auswertung wurde verworfen, weil ihr Ergebnis unvollständig war.")
    what_to_do = N_("Bitte melden Sie den Fehler der Systembetreuung.")
    http_status = 500


class RequestError(InputError):
    """The whole request is unusable."""


class BadRequest(RequestError):
    """Malformed request to the model server."""

    code = "anfrage_ungueltig"
    user_message = N_("Die Anfrage ist ungültig: {field}")
    what_to_do = N_("Bitte prüfen Sie das genannte Feld.")


class NotSignedIn(RequestError):
    """Token missing or wrong."""

    code = "nicht_angemeldet"
    user_message = N_("Die Anmeldung fehlt oder ist abgelaufen.")
    what_to_do = N_("Bitte melden Sie sich neu an.")
    http_status = 401


class NotAllowed(RequestError):
    """Known, but without the right."""

    code = "keine_berechtigung"
    user_message = N_("Dafür fehlt Ihnen die Berechtigung.")
    what_to_do = N_("Bitte wenden Sie sich an die Systembetreuung Ihrer Kommune.")
    http_status = 403


class NotFound(RequestError):
    """Unknown page or route."""

    code = "nicht_gefunden"
    user_message = N_("Diese Seite gibt es nicht.")
    what_to_do = N_("Bitte gehen Sie zur Startseite.")
    http_status = 404


class ResultMissing(NotFound):
    """The address names a run that is not there, or not for this municipality."""

    code = "ergebnis_fehlt"
    user_message = N_("Dieses Ergebnis gibt es hier nicht.")
    what_to_do = N_("Vielleicht wurde es gelöscht oder die Adresse ist unvollständig.")


class ModelMissing(RequestError):
    """Model or version unknown, or its weights are absent."""

    code = "modell_fehlt"
    user_message = N_("Das Modell {model} ist nicht vorhanden.")
    what_to_do = N_("Die Seite „Modelle“ zeigt, welche Modelle bereitstehen.")
    http_status = 404


class MethodNotAllowed(RequestError):
    """Wrong HTTP method."""

    code = "methode_falsch"
    user_message = N_("Diese Art der Anfrage ist hier nicht möglich.")
    what_to_do = N_("Bitte beachten Sie die Beschreibung der Schnittstelle.")
    http_status = 405


class LengthRequired(RequestError):
    """Neither Content-Length nor chunked."""

    code = "laenge_fehlt"
    user_message = N_("Der Anfrage fehlt die Angabe ihrer Länge.")
    what_to_do = N_("Bitte beachten Sie die Beschreibung der Schnittstelle.")
    http_status = 411


class RequestTooLarge(RequestError):
    """Body above the limit."""

    code = "anfrage_zu_gross"
    user_message = N_("Die Anfrage ist größer als {limit_mb} MB.")
    what_to_do = N_("Bitte senden Sie weniger oder kleinere Bilder auf einmal.")
    http_status = 413


class UnsupportedContentType(RequestError):
    """Content type outside the allow-list; always for pickle."""

    code = "inhaltstyp"
    user_message = N_("Dieser Inhaltstyp wird nicht angenommen.")
    what_to_do = N_("Bitte beachten Sie die Beschreibung der Schnittstelle.")
    http_status = 415


class ModelServerError(UrbanKiError):
    """The model server could not answer."""

    code = "modellserver"
    http_status = 503


class ModelServerDown(ModelServerError):
    """Nobody answers at the address."""

    code = "modellserver_aus"
    retry = "wait"
    user_message = N_("Der Modellserver antwortet nicht.")
    what_to_do = N_("Ihre Eingaben bleiben erhalten. Es geht von selbst weiter, sobald er läuft.")


class ModelServerNotReady(ModelServerError):
    """Starting or stopping."""

    code = "nicht_bereit"
    retry = "wait"
    user_message = N_("Der Modellserver startet gerade.")
    what_to_do = N_("Bitte warten Sie einen Augenblick. Es geht von selbst weiter.")


class ModelServerBusy(ModelServerError):
    """Queue or token bucket full."""

    code = "ausgelastet"
    retry = "wait"
    user_message = N_("Der Modellserver ist ausgelastet.")
    what_to_do = N_("Es wird automatisch erneut versucht.")
    http_status = 429


class ModelServerTimeout(ModelServerError):
    """No answer in time."""

    code = "zeitueberschreitung"
    retry = "attempts"
    user_message = N_("Die Auswertung hat zu lange gedauert.")
    what_to_do = N_("Bitte versuchen Sie es mit einem kleineren Bild oder später noch einmal.")
    http_status = 504


class ModelServerFault(ModelServerError):
    """A bug in the model server; the traceback is in its log."""

    code = "interner_fehler"
    retry = "attempts"
    user_message = N_("Im Modellserver ist ein Fehler aufgetreten.")
    what_to_do = N_("Bitte nennen Sie der Systembetreuung die Kennung der Anfrage.")
    http_status = 500


class ModelServerRefusal(ModelServerError):
    """A refusal that only a newer server knows; its own German words are passed on."""

    code = "modellserver_ablehnung"
    user_message = N_("Der Modellserver lehnt die Anfrage ab: {message}")
    what_to_do = N_("{advice}")
    http_status = 502


class ModelCrashed(ModelServerError):
    """The model server broke off twice over the same item; it is not sent a third time."""

    code = "modell_abgestuerzt"
    retry = "attempts"
    user_message = N_("Der Modellserver ist an dieser Eingabe zweimal abgestürzt.")
    what_to_do = N_("Bitte prüfen Sie die Datei. Alle anderen Eingaben sind nicht betroffen.")
    http_status = 502


class AnswerMismatch(ModelServerError):
    """The answer does not belong to what was sent; it is thrown away."""

    code = "antwort_vertauscht"
    user_message = N_("Die Antwort des Modellservers passt nicht zur Anfrage und wurde verworfen.")
    what_to_do = N_("Bitte melden Sie den Fehler der Systembetreuung.")
    http_status = 502


class ModelChanged(ModelServerError):
    """The model was replaced while a job ran."""

    code = "modell_gewechselt"
    retry = "attempts"
    user_message = N_("Während der Auswertung wurde das Modell ausgetauscht.")
    what_to_do = N_("Bitte starten Sie die Auswertung noch einmal.")
    http_status = 409


class Cancelled(UrbanKiError):
    """Stopped by a person (exit code 4)."""

    code = "abgebrochen"
    user_message = N_("Die Auswertung wurde abgebrochen.")
    what_to_do = N_("Sie können sie jederzeit neu starten.")
    http_status = 409


class OperationError(UrbanKiError):
    """Disk, set-up or a missing program."""

    code = "betrieb"


class PdfLibraryMissing(OperationError):
    """A library of the operating system is missing that lays out the text of PDF files."""

    code = "pdf_bibliothek_fehlt"
    user_message = N_("Für PDF-Dateien fehlt die Bibliothek Pango.")
    what_to_do = N_(
        "Bitte installieren Sie sie: "
        "apt-get install --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0."
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


class JobError(UrbanKiError):
    """A job or one of its units could not be done."""

    code = "auftrag"
    user_message = N_("Der Auftrag ist gescheitert.")


class JobUnknown(JobError):
    """No app offers a job of this name."""

    code = "auftrag_unbekannt"
    user_message = N_("Den Auftrag „{name}“ gibt es in dieser Fassung nicht.")
    what_to_do = N_("Bitte starten Sie die Auswertung auf ihrer Seite neu.")


class WorkerCrashed(JobError):
    """A unit ended its process twice."""

    code = "worker_abgestuerzt"
    user_message = N_("Dieser Teil hat sein Rechenprogramm zweimal zum Absturz gebracht.")
    what_to_do = N_("Bitte prüfen Sie diesen Teil der Daten, vielleicht ist er zu groß.")


class UnitTimedOut(JobError):
    """A unit took longer than its job allows."""

    code = "teil_zu_lange"
    user_message = N_("Dieser Teil hat länger als {limit_s} Sekunden gebraucht.")
    what_to_do = N_("Bitte versuchen Sie ihn noch einmal oder prüfen Sie die Daten.")


class ResultUnusable(JobError):
    """A unit returned something that cannot be stored."""

    code = "ergebnis_unbrauchbar"
    user_message = N_("Das Ergebnis dieses Teils lässt sich nicht speichern.")
    what_to_do = N_("Bitte melden Sie das der Systembetreuung.")


class JobRunnerAway(JobError):
    """No process works on the jobs."""

    code = "auftragsdienst_aus"
    user_message = N_("Der Auftragsdienst läuft nicht.")
    what_to_do = N_("Ihr Auftrag ist sicher und geht weiter, sobald der Dienst wieder läuft.")
    http_status = 503


class VersionsDiffer(OperationError):
    """The machines of a cluster run other versions than this one."""

    code = "fassungen_verschieden"
    user_message = N_("Auf dem Rechenverbund läuft {name} {found}, hier {expected}.")
    what_to_do = N_("Bitte installieren Sie überall dieselbe Fassung.")


class ClusterUnreachable(OperationError):
    """The scheduler of the cluster does not answer."""

    code = "rechenverbund_weg"
    user_message = N_("Der Rechenverbund ist nicht erreichbar.")
    what_to_do = N_("Aufträge warten und gehen weiter, sobald er wieder antwortet.")
    http_status = 503
    retry = "wait"


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


class AddressNotLoopback(OperationError):
    """Without accounts nobody outside this machine may reach a part."""

    code = "adresse_offen"
    user_message = N_(
        "Die Adresse {address} ist von außen erreichbar. "
        "Solange es keine Konten gibt, ist nur 127.0.0.1 erlaubt."
    )
    what_to_do = N_("Bitte ändern Sie die Einstellung {name}.")


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


WARNINGS = {
    "aufloesung_abweichend": N_(
        "Die Bodenauflösung {found} m weicht von {best} m ab, "
        "mit der das Modell am besten arbeitet."
    ),
    "mehrseitig": N_("Die Datei enthält {frames} Bilder. Ausgewertet wurde nur das erste."),
    "domain_shift": N_(
        "Das Bild weicht von den Trainingsdaten ab (Abstand {distance}, üblich bis {usual}). "
        "Das Ergebnis ist unsicherer als gemessen."
    ),
    "viele_objekte": N_("Es wurden mehr als {limit} Objekte gefunden. Die übrigen fehlen hier."),
}
"""German texts of warnings about a result by their stable code."""


def error_class(code: str) -> type[UrbanKiError] | None:
    """Find the class of a stable code; None for a code of another version."""
    waiting: list[type[UrbanKiError]] = [UrbanKiError]
    while waiting:
        candidate = waiting.pop()
        if candidate.code == code:
            return candidate
        waiting.extend(candidate.__subclasses__())
    return None


def error_table() -> str:
    """Write every error with code, HTTP status, German message and advice as a Markdown table."""
    lines = ["| Kennung | HTTP | Meldung | Was tun |", "| --- | --- | --- | --- |"]

    def add(kind: type[UrbanKiError]) -> None:
        cells = (f"`{kind.code}`", str(kind.http_status), kind.user_message, kind.what_to_do)
        lines.append(f"| {' | '.join(cells)} |")
        for child in kind.__subclasses__():
            add(child)

    add(UrbanKiError)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(error_table())
