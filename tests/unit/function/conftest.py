"""Puts the function's folder on the path, as Lambda does, and the checkout, for the fakes."""

from __future__ import annotations

import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[3]
sys.path[:0] = [str(_CHECKOUT / "function"), str(_CHECKOUT)]
