"""The table of settings for the two README files: `python -m shared.settings_table [de|en]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from shared.settings import REPOSITORY, Settings
from shared.sign_in_settings import SignInSettings

SIGN_IN = SignInSettings.model_fields
HEADS = {"de": ("Einstellung", "Vorgabe", "Bedeutung"), "en": ("setting", "default", "meaning")}

GERMAN = {
    "data_dir": "Ordner für Schlüssel, Protokolle und alles, was die Galerie speichert",
    "demo_city_dir": "Ordner der Bilder der Beispielstadt; leer nimmt `demo_city` im Datenordner",
    "demo_city_images": "Welche Bilder der Beispielstadt entstehen; centre: 4 km² eines Fluges",
    "host": "Adresse der Galerie; jede andere als 127.0.0.1 braucht https davor",
    "port": "Port der Galerie",
    "language": "Sprache der Seiten; auto folgt dem Browser, sonst Deutsch",
    "theme": "Datei aus `shared/themes` ohne Endung",
    "apps": "Ordnernamen der gezeigten Anwendungen mit Komma; leer zeigt alle",
    "max_upload_mb": "Größte hochgeladene Datei in MB",
    "public": "Andere Rechner dürfen den Modellserver erreichen; er braucht dann beim Start seine "
    "Schlüsseldatei",
    "keys_dir": "Ordner der Schlüssel dieser Installation; leer nimmt `keys` im Datenordner",
    "secret_key": "Geheimnis ab 32 Zeichen zum Verschlüsseln und Signieren; leer: eine Datei",
    "model_server_host": "Adresse, an die sich der Modellserver bindet",
    "model_server_port": "Port des Modellservers",
    "model_server_url": "Adresse eines Modellservers anderswo; leer nimmt Adresse und Port oben",
    "model_server_workers": "Arbeitsprozesse des Modellservers",
    "model_server_max_concurrency": "Anfragen, die der Modellserver hält, bevor er 429 antwortet",
    "model_server_timeout_s": "Sekunden, nach denen eine Anfrage an ein Modell aufgegeben wird",
    "device": "Wo Modelle laufen: auto nimmt eine nutzbare Grafikkarte, cuda verlangt eine",
    "model_server_preload": "Modelle, die geladen sind, bevor der Modellserver bereit ist",
    "model_dir": "Ordner mit eigenen Modellen der Kommune neben den eingebauten",
    "image_dir": "Ordner mit Luftbildern auf dem Server, darin je Kommune ein Ordner mit ihrem "
    "Kürzel; er wird nur gelesen",
    "model_server_max_batch": "Größtes Bündel jedes Modells; seine Karte kann weniger sagen",
    "model_memory_mb": "Arbeitsspeicher in MB für geladene Modelle, alle Arbeitsprozesse zusammen",
    "worker_max_rss_mb": "Arbeitsspeicher in MB, ab dem ein mindestens 5 Minuten alter Prozess "
    "ersetzt wird; 0: nie",
    "rate_gast": "Anfragen eines Gastes an Modelle: je Sekunde / höchstens auf einmal, für jeden "
    "Arbeitsprozess",
    "rate_viewer": "Dasselbe für Personen, die nur lesen",
    "rate_sachbearbeitung": "Dasselbe für Sachbearbeitung und Administration",
    "rate_service": "Dasselbe für Aufträge im Hintergrund",
    "metrics_token": "Weiteres Kennwort, das `/metrics` des Modellservers lesen darf; leer: keines",
    "database_url": "Datenbank, `postgresql+psycopg://...`; leer nimmt eine Datei im Datenordner",
    "storage_url": "Ort der Dateien, `s3://eimer/vorsilbe`; leer nimmt `files` im Datenordner",
    "storage_endpoint": "Adresse eines S3-Dienstes außerhalb von Amazon; seine Schlüssel stehen in "
    "Variablen `AWS_...`",
    "dask_address": "Verteiler eines Dask-Verbunds, `tcp://...`; leer startet Prozesse auf dieser "
    "Maschine",
    "job_workers": "Arbeitsprozesse für Aufträge; 0 nimmt einen je Rechenkern",
    "job_worker_mb": "Arbeitsspeicher in MB, ab dem ein Arbeitsprozess ersetzt wird",
    "job_modules": "Python-Module mit weiteren Aufträgen, durch Komma getrennt; leer: nur die der "
    "Anwendungen",
    "retention_uploads_days": "Tage, die hochgeladene Dateien bleiben; leer: wie jede Anwendung "
    "sagt",
    "retention_results_days": "Tage, die Ergebnisse bleiben; leer: wie jede Anwendung sagt",
    "retention_audit_days": "Tage, die das Protokoll bleibt: wer was getan hat",
    "development_data_dir": "Ordner mit Daten für Training und Auswertung; zum Betrieb unnötig",
    "wms_hosts": "Rechnernamen der Kartendienste (WMS) mit Komma, die gefragt werden dürfen; leer: "
    "keine",
    "min_free_mb": "Freier Plattenplatz in MB, unter dem nichts startet",
    "log_level": "Unwichtigste Meldung, die ins Protokoll kommt",
    "mode": "betrieb: Menschen melden sich an; kiosk: Gäste sehen nur Beispieldaten",
    "auth_mode": "Wie sich Menschen anmelden: mit Konten dieser Installation oder über Keycloak",
    "public_url": "Adresse, die Menschen eingeben, `https://name`; leer: nur diese Maschine, über "
    "http",
    "allowed_hosts": "Weitere Rechnernamen der Galerie mit Komma, ohne Port",
    "trusted_proxies": "Adressen oder Netze von Proxys mit Komma, deren `X-Forwarded-...` gilt",
    "allow_local_accounts_public": "Andere Rechner dürfen die Galerie erreichen, obwohl sie eigene "
    "Konten hat",
    "session_idle_min": "Minuten ohne Tätigkeit, nach denen eine Sitzung endet",
    "session_max_h": "Stunden, nach denen eine Sitzung endet",
    "identity_source": "Wie Seiten erfahren, wer angemeldet ist; cookie nur, wenn Streamlit die "
    "Kopfzeilen verliert",
    "oidc_issuer": "Keycloak: Adresse des Realms, `https://host/realms/name`, wie in seinen Tokens",
    "oidc_internal_url": "Keycloak: seine Adresse von dieser Maschine aus, ohne `/realms/...`; "
    "leer: wie oben",
    "oidc_client_id": "Keycloak: Client der Galerie",
    "oidc_client_secret": "Keycloak: Geheimnis dieses Clients",
    "oidc_client_secret_file": "Keycloak: Datei, in der das Geheimnis stattdessen steht, Rechte "
    "0600",
    "oidc_jobs_client": "Keycloak: Client für Aufträge",
    "oidc_jobs_secret": "Keycloak: Geheimnis dieses Clients",
    "oidc_jobs_secret_file": "Keycloak: Datei, in der das Geheimnis stattdessen steht, Rechte 0600",
    "oidc_other_clients": "Keycloak: weitere Clients mit Komma, deren Zugriffstokens gelten",
    "oidc_algorithms": "Keycloak: Signaturen mit Komma, aus RS256, ES256 und PS256",
    "oidc_group_prefix": "Keycloak: Pfad der Gruppe, die je Kommune eine Gruppe enthält",
    "oidc_old_logout_type": "Keycloak: Meldungen von Abmeldungen auch so annehmen, wie ältere "
    "Fassungen sie senden",
    "oidc_ca_file": "Keycloak: Zertifikate seines Rechners, falls er eine eigene Stelle nutzt",
}


def settings_table(language: str) -> str:
    """Write every setting with default and meaning as a Markdown table.

    Args:
        language: "de" or "en".

    Raises:
        KeyError: A setting has no German meaning or the language is unknown.
    """
    rows = [HEADS[language], ("---", "---", "---")]
    # What everybody needs comes first.
    fields = sorted(Settings.model_fields.items(), key=lambda one: one[0] in SIGN_IN)
    for name, field in fields:
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
