"""The encoder under its old name."""

from __future__ import annotations

from exporters.prometheus.encoder import Encoder
from exporters.prometheus.format import TEXT

CONTENT_TYPE = TEXT.content_type


class TextEncoder(Encoder):
    """Encodes pages in the text format."""

    content_type = CONTENT_TYPE
