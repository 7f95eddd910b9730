"""Errors of ArchivAIr beside the tree of the house.

InputError
├── ScriptNotAvailable         a script that nothing here reads
├── StemTaken                  two inputs would write the same files
├── NoPageRead                 every page of a call failed
├── ReadingUnusable            a stored reading of another version of the program
├── NoLineImages               a folder without a readable picture of a line
├── FrakturModelMissing        the own recogniser of Fraktur is not there
├── ResultsUnusable            a folder without results of `process`
└── ItemError
    ├── FolderGiven            a folder where a file is wanted
    ├── PdfLocked              password
    ├── PdfDamaged             no readable PDF
    ├── PdfWithoutPages        zero pages
    ├── TooManyPages           more pages than allowed
    ├── PageTooLarge           too many pixels even for reading in reduced scale
    ├── PageTooSmall           too few pixels to hold a line of text
    └── LineTooSmall           a picture of a line that is too low to be read
"""

from __future__ import annotations

from shared.errors import N_, InputError, ItemError


class ScriptNotAvailable(InputError):
    """A script that none of the engines reads."""

    code = "schrift_fehlt"
    user_message = N_("Diese Schrift kann die Software nicht lesen.")
    what_to_do = N_("Möglich sind auto, antiqua, typewriter und fraktur.")


class StemTaken(InputError):
    """Two inputs of one call have the same name without ending."""

    code = "name_doppelt"
    user_message = N_("Zwei Dateien heißen „{stem}“; ihre Ergebnisse würden sich überschreiben.")
    what_to_do = N_("Bitte benennen Sie eine davon um oder rufen Sie den Befehl zweimal auf.")


class NoPageRead(InputError):
    """Nothing could be read at all."""

    code = "keine_seite_gelesen"
    user_message = N_("Keine Seite konnte gelesen werden. {reason}")
    what_to_do = N_("Die Ursachen stehen je Seite unter „failed“.")


class ReadingUnusable(InputError):
    """A stored reading that this version of the program did not write."""

    code = "lesung_unbrauchbar"
    user_message = N_("Diese gespeicherte Lesung passt nicht zu dieser Fassung der Software.")
    what_to_do = N_("Bitte lesen Sie die Datei noch einmal.")


class ResultsUnusable(InputError):
    """A folder that cannot be searched."""

    code = "ergebnisordner_unbrauchbar"
    user_message = N_("Der Ordner „{folder}“ lässt sich nicht durchsuchen. {reason}")
    what_to_do = N_("Durchsuchen lassen sich Ergebnisordner des Befehls process.")


class NoLineImages(InputError):
    """A folder without a picture that can be read."""

    code = "keine_zeilenbilder"
    user_message = N_("Im Ordner „{name}“ ist kein lesbares Bild einer Textzeile.")
    what_to_do = N_("Erlaubt sind PNG, JPG, TIFF und WebP, je Bild eine Zeile.")


class FrakturModelMissing(InputError):
    """The own recogniser was asked for alone, and the model server does not have it."""

    code = "frakturmodell_fehlt"
    user_message = N_("Das eigene Modell für Frakturzeilen ist hier nicht vorhanden.")
    what_to_do = N_("Ohne --engine crnn lesen die anderen Verfahren.")


class FolderGiven(ItemError):
    """A folder instead of a file."""

    code = "ordner_statt_datei"
    user_message = N_("„{name}“ ist ein Ordner.")
    what_to_do = N_("Bitte geben Sie die Dateien darin an.")


class PdfLocked(ItemError):
    """The PDF wants a password."""

    code = "pdf_passwort"
    user_message = N_("Das PDF ist mit einem Passwort geschützt.")
    what_to_do = N_("Bitte speichern Sie es ohne Passwort und versuchen Sie es noch einmal.")


class PdfDamaged(ItemError):
    """No readable PDF."""

    code = "pdf_beschaedigt"
    user_message = N_("Das PDF ist beschädigt oder unvollständig.")
    what_to_do = N_("Bitte speichern oder scannen Sie es neu.")


class PdfWithoutPages(ItemError):
    """Zero pages."""

    code = "pdf_ohne_seiten"
    user_message = N_("Das PDF enthält keine Seite.")
    what_to_do = N_("Bitte wählen Sie eine andere Datei.")


class TooManyPages(ItemError):
    """More pages than one call takes."""

    code = "zu_viele_seiten"
    user_message = N_("Die Datei hat {found} Seiten, erlaubt sind {limit}.")
    what_to_do = N_("Bitte teilen Sie die Datei.")


class PageTooLarge(ItemError):
    """Too many pixels even for reduced reading."""

    code = "seite_zu_gross"
    user_message = N_("Die Seite hat {megapixels} Megapixel, erlaubt sind {limit}.")
    what_to_do = N_("Bitte scannen Sie die Seite mit geringerer Auflösung.")


class PageTooSmall(ItemError):
    """Too few pixels."""

    code = "seite_zu_klein"
    user_message = N_("Die Seite ist nur {width} x {height} Bildpunkte groß.")
    what_to_do = N_("Bitte scannen Sie die Seite mit mindestens 150 dpi.")


class LineTooSmall(ItemError):
    """Too few pixels to hold a letter."""

    code = "zeile_zu_klein"
    user_message = N_("Das Zeilenbild ist nur {width} x {height} Bildpunkte groß.")
    what_to_do = N_("Bitte schneiden Sie die Zeile aus einem Scan mit mindestens 150 dpi aus.")
