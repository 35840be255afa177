"""What one image costs on AWS: list prices in US dollars, without free tiers.

The table holds the public list prices of us-east-1 as of 2025-08; other regions differ by up to
a half. Storage and data transfer out are not in it.
"""

from __future__ import annotations

from typing import Final

from provision.spec import Settings

PRICES_OF: Final = "us-east-1, August 2025"
LAMBDA_GB_SECOND: Final = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
LAMBDA_REQUEST: Final = 0.20 / 1_000_000
S3_PUT: Final = 0.005 / 1_000
S3_GET: Final = 0.0004 / 1_000
SNS_MAIL: Final = 2.00 / 100_000


# A 12-megapixel photograph with 256 MB, billed milliseconds; it grows as the memory shrinks.
_TYPICAL_BILLED_MS_AT_256_MB: Final = 750
_ONE_PROCESSOR_MB: Final = 1_769  # a second one is of no use to one image


def thousand_images_usd(settings: Settings) -> float:
    """Estimate the cost of 1,000 photographs; half the memory takes twice the time (L37)."""
    processor_mb = min(settings.memory, _ONE_PROCESSOR_MB)
    return 1000 * image_cost_usd(settings, _TYPICAL_BILLED_MS_AT_256_MB * 256 / processor_mb)


def image_cost_usd(settings: Settings, billed_ms: float) -> float:
    """Return the cost of one upload: its PUT, the function, its reads and writes, and its mail.

    The function reads the object twice: to work on it, and to see that it is still the last.
    """
    compute = billed_ms / 1000 * settings.memory / 1024 * LAMBDA_GB_SECOND[settings.arch]
    storage = (1 + len(settings.folders)) * S3_PUT + 2 * S3_GET
    mail = SNS_MAIL if settings.notify == "all" else 0.0
    return compute + LAMBDA_REQUEST + storage + mail
