"""Context keys: logs, alarms and costs."""

from dataclasses import dataclass

from cdk.context.rules import (
    BOOLEAN,
    EMAIL,
    days,
    key,
    matching,
    whole,
)

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)


@dataclass(frozen=True)
class WatchingKeys:
    """Logs, alarms and costs."""

    log_retention_days: int = key(30, days(*LOG_RETENTION_DAYS), "days that logs are kept")
    drop_retention_days: int = key(
        30, whole(1, 3650, "days"), "days that drops are kept; a promoted release stays in objects/"
    )
    alarm_email: str | None = key(
        None, matching(EMAIL, "an email address"), "address for alarms; it must confirm the subscription once"
    )
    latency_alarm_ms: int = key(3000, whole(1, 30000, "milliseconds"), "p95 latency that raises an alarm")
    budget: int | None = key(
        None,
        whole(1, 1_000_000, "USD a month"),
        "monthly budget; warnings at 80 % spent and 100 % forecast; requires alarmEmail",
    )
    budget_action: bool = key(
        False,
        BOOLEAN,
        "when the budget is spent, limit the API to one request a second and start no training; requires budget",
    )
