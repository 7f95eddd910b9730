"""Compare the options of a request with what its model can do; imports no engine."""

from __future__ import annotations

from model_server.card import Card
from shared.contracts.model_server import EmbedOptions, OcrOptions, SegmentOptions
from shared.errors import BadRequest


def check_options(options: SegmentOptions | OcrOptions | EmbedOptions, card: Card) -> None:
    """Refuse outputs, modes and bands that the model does not have.

    Raises:
        BadRequest: With the name and value of the option.
    """
    if isinstance(options, SegmentOptions):
        if options.output is not None and options.output not in card.outputs:
            raise BadRequest(field=f"output: {options.output}")
        if options.bands not in card.bands:
            raise BadRequest(field=f"bands: {options.bands}")
    if isinstance(options, OcrOptions) and options.mode not in card.outputs:
        raise BadRequest(field=f"mode: {options.mode}")
