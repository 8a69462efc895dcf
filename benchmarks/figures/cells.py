"""Cells and lines of Markdown tables of costs."""

import math


def line(*cells: str) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def money(dollars: float) -> str:
    """Dollars with two significant digits; the prices are not more precise."""
    if dollars < 10:
        return f"${dollars:.2f}"
    digits = 1 - math.floor(math.log10(dollars))
    return f"${round(dollars, digits):,.0f}"


def duration(hours: float) -> str:
    """A time in minutes, hours or days."""
    if hours < 1:
        return f"{60 * hours:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
