"""Tokens with which a page asks the model server on behalf of the person in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.auth import sessions
from shared.auth.services import AccountServices
from shared.clients.transport import TokenSource
from shared.contracts.identity.installation import SignedTokens
from shared.contracts.identity.principal import Principal
from shared.errors import NotSignedIn

if TYPE_CHECKING:  # only mode `keycloak` pays for the library behind it
    from shared.auth.provider import SignInProvider


def person_tokens(services: AccountServices, acting: Principal) -> TokenSource:
    """Return the source of tokens of a person.

    In mode `keycloak` they are her access token. Otherwise the installation signs them for the
    municipality of the page, with the role that the person has there at that moment; each ends
    after 120 s, so a role that was withdrawn is gone by then.

    Args:
        services: Sessions, clock and the provider.
        acting: Who; without a session, as in a command, the rights are those given here.
    """
    if services.provider is not None:
        return ProviderAccess(services, services.provider, acting)

    def who() -> Principal:
        if not acting.session_id:
            return acting
        session = sessions.by_id(services.engine, acting.session_id, services.clock())
        if session is None or session.must_change:
            raise NotSignedIn()
        return session.principal

    return SignedTokens(services.settings, who, lambda: services.clock().timestamp())


class ProviderAccess:
    """Gives the access token that the provider has handed out for a session.

    Args:
        services: The database with the sessions.
        provider: Where the person has signed in.
        acting: Who.
    """

    def __init__(
        self, services: AccountServices, provider: SignInProvider, acting: Principal
    ) -> None:
        self._engine = services.engine
        self._provider = provider
        self._acting = acting

    def token(self) -> str:
        """Return a token that is good for at least 60 s, or as long as it still is.

        Raises:
            NotSignedIn: The session has ended.
            SignInServiceDown: The provider does not answer, and the token has run out.
        """
        session_id, subject = self._acting.session_id, self._acting.subject
        return self._provider.tokens_of(self._engine, session_id, subject).access_token

    def renew(self) -> str:
        """Return the newest token: another process may have renewed it; errors as above."""
        return self.token()
