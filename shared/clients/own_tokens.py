"""Tokens of what asks the model server without a person in front of it: jobs, commands, probes."""

from __future__ import annotations

from shared.clients.transport import TokenSource
from shared.contracts.identity.installation import LOCAL_SUBJECT, InstallationToken
from shared.contracts.identity.principal import HOME_TENANT, Role
from shared.settings import Settings


def own_tokens(
    settings: Settings,
    *,
    role: Role = "sachbearbeitung",
    subject: str = LOCAL_SUBJECT,
    tenant: str = HOME_TENANT,
) -> TokenSource:
    """Return the source of tokens with which this process acts for nobody in particular.

    In mode `keycloak` they are those of the realm's client for jobs, which has the role `service`
    in the municipalities that the realm gives it; the other arguments then count for nothing.

    Args:
        settings: How people and programs sign in.
        role: See `InstallationToken`, also for the next two.
        subject: See above.
        tenant: See above.

    Raises:
        SecretUnusable: The secret of the client for jobs cannot be read.
        SettingInvalid: The settings of the provider do not fit together.
    """
    if settings.auth_mode == "keycloak":
        # Here, because only this mode pays for the library behind it.
        from shared.auth.jobs_token import process_jobs_token

        return process_jobs_token(settings)
    return InstallationToken(settings, role=role, subject=subject, tenant=tenant)
