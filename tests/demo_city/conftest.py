"""One town for all tests of the demo city: it takes seconds to build."""

from __future__ import annotations

import pytest

from shared.demo_city.city import DemoCity, build_city
from shared.demo_city.events.kinds import Event
from shared.demo_city.settings import CitySettings
from shared.demo_city.town import Town, build_town
from shared.demo_city.vectors.musterstadt import plan_musterstadt


@pytest.fixture(scope="session")
def town() -> Town:
    return build_town(plan_musterstadt(CitySettings()))


@pytest.fixture(scope="session")
def city(town: Town) -> DemoCity:
    made = build_city(CitySettings())
    made.first_town = town
    return made


@pytest.fixture(scope="session")
def events(city: DemoCity) -> tuple[Event, ...]:
    return city.events
