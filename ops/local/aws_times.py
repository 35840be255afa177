"""How long AWS takes, in seconds: the figures of section 8 of the catalogue.

Pure but for the random numbers, which come from a seeded source. Nothing here sleeps.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

_P95_SIGMAS = 1.645


@dataclass(frozen=True)
class Spread:
    """A skewed duration: half of the time below `p50`, nearly always below `p95`."""

    p50: float
    p95: float
    most: float

    def sample(self, source: random.Random) -> float:
        """Draw a duration."""
        sigma = math.log(self.p95 / self.p50) / _P95_SIGMAS
        return min(self.most, self.p50 * math.exp(sigma * source.gauss(0.0, 1.0)))


ROLE_ASSUMABLE = Spread(7.0, 15.0, 40.0)  # I1
POLICY_ENFORCED = Spread(4.0, 10.0, 15.0)  # I6
PERMISSION_SEEN = Spread(1.0, 8.0, 20.0)  # S10
NOTIFICATION_EFFECTIVE = Spread(5.0, 25.0, 60.0)  # S17
EVENT_DELIVERY = Spread(0.6, 1.5, 2.0)  # S18
FUNCTION_CREATED = Spread(2.0, 4.0, 5.0)  # L1
FUNCTION_UPDATED = Spread(1.5, 2.5, 3.0)  # L3
LAYERS_UPDATED = Spread(3.0, 5.0, 6.0)  # L3
FUNCTION_LINGERS = Spread(2.0, 4.0, 5.0)  # L40
LOGS_WRITTEN = Spread(1.0, 2.0, 3.0)  # G7
LOGS_VISIBLE = Spread(3.0, 12.0, 27.0)  # G3
BUCKET_VISIBLE = Spread(1.0, 2.0, 3.0)  # S5
ROLE_VISIBLE = Spread(1.0, 2.0, 3.0)  # I9
NAME_FREE = Spread(5.0, 15.0, 30.0)  # S4

# What a call takes within the region; those not named take the default.
_DEFAULT_LATENCY = (0.03, 0.06)
_LATENCIES = {
    "iam.AttachRolePolicy": (0.1, 0.3),
    "iam.CreateRole": (0.1, 0.3),
    "iam.DeleteRole": (0.1, 0.3),
    "iam.PutRolePolicy": (0.1, 0.3),
    "lambda.AddPermission": (0.08, 0.2),
    "lambda.CreateFunction": (0.8, 2.0),
    "lambda.PublishLayerVersion": (1.5, 4.0),
    "lambda.PutFunctionEventInvokeConfig": (0.1, 0.3),
    "lambda.UpdateFunctionCode": (0.3, 0.8),
    "lambda.UpdateFunctionConfiguration": (0.2, 0.5),
    "logs.CreateLogGroup": (0.05, 0.1),
    "logs.PutRetentionPolicy": (0.05, 0.1),
    "s3.CreateBucket": (0.3, 0.9),
    "s3.DeleteBucket": (0.2, 0.5),
    "s3.PutBucketNotificationConfiguration": (0.3, 1.0),
    "sns.CreateTopic": (0.05, 0.15),
    "sns.Subscribe": (0.05, 0.15),
}
_ROUND_TRIP_S = 0.08  # from a laptop; the function itself is in the region


def latency(action: str, source: random.Random, *, in_region: bool) -> float:
    """Draw how long a call takes to answer."""
    low, high = _LATENCIES.get(action, _DEFAULT_LATENCY)
    return source.uniform(low, high) + (0.0 if in_region else _ROUND_TRIP_S)
