"""Vector data, several images together and map services that cannot be used."""

from __future__ import annotations

from shared.errors.base import N_, CatalogueText
from shared.errors.inputs import InputError, ItemError
from shared.errors.operation import OperationError


class GeodataUnreadable(ItemError):
    """The content breaks the rules of its own format."""

    code = "geodaten_unlesbar"
    user_message = N_("Die Geodaten lassen sich nicht lesen: {reason}")
    what_to_do = N_("Bitte exportieren Sie die Daten neu, am besten als GeoPackage.")

    def __init__(self, *, reason: str, **details: object) -> None:
        super().__init__(reason=CatalogueText(reason), **details)


class GeodataWithoutCrs(ItemError):
    """Coordinates without a coordinate system."""

    code = "geodaten_ohne_crs"
    user_message = N_("Den Geodaten fehlt ihr Koordinatensystem.")
    what_to_do = N_(
        "Bitte geben Sie es an, zum Beispiel EPSG:25832, oder laden Sie die Datei .prj mit hoch."
    )


class PlaceImplausible(ItemError):
    """The coordinates lie nowhere near Germany, in either order of axes."""

    code = "lage_unplausibel"
    user_message = N_("Die Geodaten liegen mit {crs} nicht in Deutschland.")
    what_to_do = N_("Bitte prüfen Sie das Koordinatensystem und die Reihenfolge der Achsen.")


class LayerChoiceNeeded(ItemError):
    """Several layers in one file; a person has to say which one."""

    code = "ebene_waehlen"
    user_message = N_("Die Datei enthält mehrere Ebenen: {layers}.")
    what_to_do = N_("Bitte wählen Sie eine davon.")


class LayerUnknown(ItemError):
    """The chosen layer is not in the file."""

    code = "ebene_unbekannt"
    user_message = N_("Die Ebene „{name}“ gibt es in der Datei nicht.")
    what_to_do = N_("Vorhanden sind: {layers}.")


class GeometryMissing(ItemError):
    """A layer of which no object has a usable place."""

    code = "geometrie_fehlt"
    user_message = N_("Die Ebene enthält kein Objekt mit einer brauchbaren Geometrie.")
    what_to_do = N_("Bitte wählen Sie eine andere Ebene oder Datei.")


class TooManyFeatures(ItemError):
    """More objects than one layer may bring."""

    code = "zu_viele_objekte"
    user_message = N_("Die Ebene enthält {found} Objekte, erlaubt sind {limit}.")
    what_to_do = N_("Bitte teilen Sie die Datei, zum Beispiel nach Gemarkungen.")


class GeoPackageLocked(ItemError):
    """Another program still writes into the GeoPackage."""

    code = "geopackage_gesperrt"
    user_message = N_("Das GeoPackage ist noch in einem anderen Programm geöffnet.")
    what_to_do = N_(
        "Bitte schließen Sie es dort, zum Beispiel in QGIS, und wählen Sie die Datei noch einmal."
    )


class ShapefileIncomplete(ItemError):
    """A ZIP file without the parts that a Shapefile consists of."""

    code = "shapefile_unvollstaendig"
    user_message = N_("Dem Shapefile fehlen Teile: {missing}.")
    what_to_do = N_("Bitte packen Sie .shp, .shx, .dbf und .prj zusammen in eine ZIP-Datei.")


class ArchiveUnsafe(ItemError):
    """A ZIP file whose entries point outside, are encrypted or are links."""

    code = "archiv_unsicher"
    user_message = N_("Die ZIP-Datei enthält Einträge, die nicht erlaubt sind: {reason}")
    what_to_do = N_("Bitte packen Sie nur die Dateien des Shapefiles neu, ohne Kennwort.")

    def __init__(self, *, reason: str, **details: object) -> None:
        super().__init__(reason=CatalogueText(reason), **details)


class ArchiveTooLarge(ItemError):
    """A ZIP file that unpacks to far too much."""

    code = "archiv_zu_gross"
    user_message = N_(
        "Die ZIP-Datei ergibt entpackt {size_mb} MB. Erlaubt sind {limit_mb} MB und "
        "höchstens das {ratio}-fache der gepackten Größe."
    )
    what_to_do = N_("Bitte laden Sie einen kleineren Ausschnitt hoch, am besten als GeoPackage.")
    http_status = 413


class TableUnreadable(ItemError):
    """Text that is no table."""

    code = "tabelle_unlesbar"
    user_message = N_("Die Tabelle lässt sich nicht lesen: Zeile {line}, {reason}")
    what_to_do = N_(
        "Bitte speichern Sie die Tabelle als „CSV UTF-8 (durch Trennzeichen getrennt)“."
    )

    def __init__(self, *, reason: str, **details: object) -> None:
        super().__init__(reason=CatalogueText(reason), **details)


class TableWithoutPlace(ItemError):
    """A table without columns that hold coordinates."""

    code = "tabelle_ohne_lage"
    user_message = N_("Die Tabelle hat keine Spalten mit Koordinaten.")
    what_to_do = N_("Gebraucht wird eine Spalte „wkt“ oder zwei Spalten „x“ und „y“.")


class ImageDriverMissing(ItemError):
    """This installation lacks the decoder of an image format."""

    code = "bild_treiber_fehlt"
    user_message = N_("Diese Installation kann {format} nicht lesen.")
    what_to_do = N_("Bitte wandeln Sie das Bild in GeoTIFF um.")


class CoordinatesMixed(InputError):
    """Images of one folder, or polygons and raster, in different coordinate systems."""

    code = "koordinaten_gemischt"
    user_message = N_("Die Daten liegen in verschiedenen Koordinatensystemen: {systems}.")
    what_to_do = N_("Bitte wandeln Sie alle in dasselbe um, zum Beispiel in EPSG:25832.")


class ImagesApart(InputError):
    """Two images that are to be compared do not lie on each other."""

    code = "bilder_nicht_uebereinander"
    user_message = N_("Die Bilder „{first}“ und „{second}“ liegen nicht übereinander.")
    what_to_do = N_(
        "Bitte wählen Sie zwei Bilder desselben Ortes, die gleich ausgerichtet sind; ohne "
        "Koordinaten müssen sie denselben Ausschnitt zeigen."
    )


class ExamplesInvalid(InputError):
    """Marked examples that cannot be used."""

    code = "beispiele_ungueltig"
    user_message = N_("Die Beispiele lassen sich nicht verwenden: {reason}")
    what_to_do = N_(
        'Nötig ist GeoJSON mit 3 bis 20 Punkten im Bild; Gegenbeispiele tragen "counter": true.'
    )

    def __init__(self, *, reason: str, **details: object) -> None:
        super().__init__(reason=CatalogueText(reason), **details)


class YearMissing(InputError):
    """A comparison needs to know when an image was taken."""

    code = "jahr_fehlt"
    user_message = N_("Zum Bild „{name}“ fehlt das Jahr der Befliegung.")
    what_to_do = N_("Bitte geben Sie das Jahr an; es steht beim Lieferanten des Luftbilds.")


class MapServiceError(OperationError):
    """A map service gives no usable picture."""

    code = "kartendienst"
    user_message = N_("Der Kartendienst lieferte kein brauchbares Bild.")
    what_to_do = N_("Bitte versuchen Sie es später noch einmal.")
    http_status = 502


class MapServiceOff(MapServiceError):
    """Nobody has allowed map services, or not this one."""

    code = "kartendienst_aus"
    user_message = N_("Der Kartendienst {host} ist nicht freigegeben.")
    what_to_do = N_(
        "Die Systembetreuung trägt seinen Rechnernamen in URBANKI_WMS_HOSTS ein; "
        "sonst laden Sie das Bild als Datei hoch."
    )
    http_status = 403


class MapServiceDown(MapServiceError):
    """No answer after several attempts."""

    code = "kartendienst_weg"
    user_message = N_("Der Kartendienst {host} antwortet nicht.")
    retry = "wait"


class MapServiceRefusal(MapServiceError):
    """A message of the service in place of a picture, often with status 200."""

    code = "kartendienst_meldung"
    user_message = N_("Der Kartendienst {host} meldet: {message}")
    what_to_do = N_("Bitte prüfen Sie Ebene, Koordinatensystem und Ausschnitt.")


class MapServiceAnswerUnusable(MapServiceError):
    """Another type, another size, broken, too long, or a redirect to another host."""

    code = "kartendienst_antwort"
    user_message = N_("Die Antwort des Kartendienstes {host} ist kein brauchbares Bild.")
    what_to_do = N_("Bitte prüfen Sie Adresse und Bildformat des Dienstes.")


class MapServiceBlank(MapServiceError):
    """A picture of one colour: outside the service's area or scale."""

    code = "kartendienst_leer"
    user_message = N_("Der Kartendienst {host} lieferte für diesen Ausschnitt ein leeres Bild.")
    what_to_do = N_("Bitte wählen Sie einen Ausschnitt, für den der Dienst Bilder hat.")
