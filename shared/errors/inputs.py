"""Files, images and texts that cannot be used."""

from __future__ import annotations

from shared.errors.base import N_, CatalogueText, UrbanKiError


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


class FileUnreadable(ItemError):
    """The process that opened the file broke down, or answered what makes no sense."""

    code = "datei_unlesbar"
    user_message = N_("Die Datei lässt sich nicht öffnen: Das Lesen ist abgebrochen.")
    what_to_do = N_("Wahrscheinlich ist sie beschädigt. Bitte speichern oder scannen Sie sie neu.")


class FileTooCostly(ItemError):
    """Opening the file needs more memory or time than one file may have."""

    code = "datei_zu_aufwendig"
    user_message = N_("Das Öffnen der Datei braucht zu viel Zeit oder Arbeitsspeicher.")
    what_to_do = N_("Bitte teilen oder verkleinern Sie die Datei.")
    http_status = 413


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


class FileChanged(InputError):
    """A file on the server is another one than the one that was checked."""

    code = "datei_geaendert"
    user_message = N_("„{name}“ hat sich seit der Prüfung geändert.")
    what_to_do = N_("Bitte wählen Sie die Datei noch einmal und prüfen Sie sie.")


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


class InputUnusable(InputError):
    """A file that a recipe works with beside the image does not fit."""

    code = "rezept_datei_unbrauchbar"
    user_message = N_("{what}: Die Datei lässt sich nicht verwenden. {reason}")
    what_to_do = N_("Bitte prüfen Sie Inhalt und Koordinatensystem der Datei.")

    def __init__(self, *, what: str, reason: str) -> None:
        super().__init__(what=CatalogueText(what), reason=CatalogueText(reason))


class IndexRefused(InputError):
    """An index expression that is none."""

    code = "index_ungueltig"
    user_message = N_("Der Ausdruck ist an Stelle {place} nicht zu verstehen: {token}")
    what_to_do = N_(
        "Erlaubt sind Zahlen, red, green, blue, nir, b1 bis b9, + - * /, Klammern, min, max, abs "
        "und ein Vergleich."
    )


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
