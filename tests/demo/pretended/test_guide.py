"""What the demo suggests to say is understood, and shows every device of its house."""

import pytest

from hearthd.cli.demo import WISHES
from hearthd.core.home.catalogue import Catalogue
from hearthd.demo.guide import SENTENCES
from hearthd.demo.stage import house_settings
from hearthd.offline.mind.house import House

SETTINGS = house_settings()
CATALOGUE = Catalogue(SETTINGS.devices, SETTINGS.room.area)
HOUSE = House(CATALOGUE.tools(), CATALOGUE.instructions())


@pytest.mark.parametrize("sentence", dict.fromkeys((*SENTENCES, *WISHES)))
def test_every_sentence_is_understood(sentence: str) -> None:
    """As one thing that is done or answered, without a question back."""
    meant = HOUSE.understand(sentence)
    assert meant
    assert meant.unclear == ()
    assert bool(meant.calls) is (meant.intent is None)


def test_every_device_is_spoken_of() -> None:
    """Whoever reads the list knows what there is in the house."""
    calls = [call.arguments_json for sentence in SENTENCES for call in HOUSE.understand(sentence).calls]
    assert [device for device in SETTINGS.devices if f'"{device}"' not in " ".join(calls)] == []


def test_the_house_has_no_key_and_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in the environment, nothing leaves the machine."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert not house_settings().openai_api_key
    assert house_settings().offline.enabled
