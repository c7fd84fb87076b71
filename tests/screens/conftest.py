"""The stories share what is costly and the same for all of them."""

from tests.styles import parse_once

parse_once()
