"""The table of settings for the two README files: `python -m shared.settings_table [de|en]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from shared.settings import REPOSITORY, Settings

HEADS = {"de": ("Einstellung", "Vorgabe", "Bedeutung"), "en": ("setting", "default", "meaning")}

GERMAN = {
    "data_dir": "Ordner für Geheimnisse, Protokolle und alles, was die Galerie speichert",
    "host": "Adresse der Galerie; nur diese Maschine, solange es keine Konten gibt",
    "port": "Port der Galerie",
    "language": "Sprache der Seiten; auto folgt dem Browser, sonst Deutsch",
    "theme": "Datei aus `shared/themes` ohne Endung",
    "apps": "Ordnernamen der gezeigten Anwendungen mit Komma; leer zeigt alle",
    "max_upload_mb": "Größte hochgeladene Datei in MB",
    "model_server_host": "Adresse, an die sich der Modellserver bindet",
    "model_server_port": "Port des Modellservers",
    "model_server_url": "Adresse eines Modellservers anderswo; leer nimmt Adresse und Port oben",
    "model_server_workers": "Arbeitsprozesse des Modellservers",
    "model_server_max_concurrency": "Anfragen, die der Modellserver hält, bevor er 429 antwortet",
    "model_server_timeout_s": "Sekunden, nach denen eine Anfrage an ein Modell aufgegeben wird",
    "model_server_preload": "Modelle, die geladen sind, bevor der Modellserver bereit ist",
    "model_dir": "Ordner mit eigenen Modellen der Kommune neben den eingebauten",
    "metrics_token": "Weiteres Kennwort, das `/metrics` des Modellservers lesen darf; leer: keines",
    "development_data_dir": "Ordner mit Daten für Training und Auswertung; zum Betrieb unnötig",
    "min_free_mb": "Freier Plattenplatz in MB, unter dem nichts startet",
    "log_level": "Unwichtigste Meldung, die ins Protokoll kommt",
}


def settings_table(language: str) -> str:
    """Write every setting with default and meaning as a Markdown table.

    Args:
        language: "de" or "en".

    Raises:
        KeyError: A setting has no German meaning or the language is unknown.
    """
    rows = [HEADS[language], ("---", "---", "---")]
    for name, field in Settings.model_fields.items():
        meaning = GERMAN[name] if language == "de" else str(field.description)
        rows.append((f"`URBANKI_{name.upper()}`", _written(field.default), meaning))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _written(default: object) -> str:
    if isinstance(default, Path):
        default = os.path.relpath(default, REPOSITORY)
    return f"`{default}`" if default not in ("", None) else "–"


def main() -> int:
    """Print the table in the language given, English otherwise."""
    sys.stdout.write(settings_table(sys.argv[1] if len(sys.argv) > 1 else "en"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
