"""Inputs of the samples in country.json, as a caller sends them."""

from datetime import timedelta

from harness import both_dates, tehran_today


def asked(values):
    """The inputs with the days that a sample counts from today."""
    made = {}
    for name, value in values.items():
        if isinstance(value, str) and value.startswith("days-ago "):
            day = tehran_today() - timedelta(days=int(value.split()[1]))
            value = both_dates(day)["jalali"]
        made[name] = value
    return made
