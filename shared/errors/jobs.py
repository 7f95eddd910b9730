"""Jobs, their units and the cluster that works on them."""

from __future__ import annotations

from shared.errors.base import N_, UrbanKiError
from shared.errors.operation import OperationError


class Cancelled(UrbanKiError):
    """Stopped by a person (exit code 4)."""

    code = "abgebrochen"
    user_message = N_("Die Auswertung wurde abgebrochen.")
    what_to_do = N_("Sie können sie jederzeit neu starten.")
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


class OrderRevoked(JobError):
    """Whoever ordered a run may not any more: disabled, without the role or the app, or gone."""

    code = "auftrag_ohne_recht"
    user_message = N_("Die Person, die den Auftrag gestartet hat, darf das nicht mehr.")
    what_to_do = N_(
        "Was fertig ist, bleibt erhalten. Wer hier Aufträge starten darf, kann ihn fortsetzen."
    )
    http_status = 403


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
