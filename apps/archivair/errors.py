"""Errors of ArchivAIr beside the tree of the house.

InputError
├── ScriptNotAvailable         a script that cannot be read yet
├── StemTaken                  two inputs would write the same files
├── NoPageRead                 every page of a call failed
├── ReadingUnusable            a stored reading of another version of the program
└── ItemError
    ├── FolderGiven            a folder where a file is wanted
    ├── PdfLocked              password
    ├── PdfDamaged             no readable PDF
    ├── PdfWithoutPages        zero pages
    ├── TooManyPages           more pages than allowed
    ├── PageTooLarge           too many pixels even for reading in reduced scale
    └── PageTooSmall           too few pixels to hold a line of text
"""

from __future__ import annotations

from shared.errors import N_, InputError, ItemError


class ScriptNotAvailable(InputError):
    """Fraktur is promised for a later version."""

    code = "schrift_fehlt"
    user_message = N_("Frakturschrift kann diese Version noch nicht lesen.")
    what_to_do = N_("Möglich sind auto, antiqua und typewriter.")


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
