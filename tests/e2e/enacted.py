"""A private copy of the catalogue, and the image that the registry makes of it."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from datetime import datetime, timedelta, timezone

from programs import CATALOGUE
from registryd import Registry


def both_dates(day):
    """{"jalali", "gregorian"} of a date, as the catalogue writes them."""
    offset = (day - datetime(2024, 3, 20).date()).days  # 1403-01-01
    year = 1403
    while offset < 0:
        year -= 1
        offset += 366 if jalali_leap(year) else 365
    while offset >= (366 if jalali_leap(year) else 365):
        offset -= 366 if jalali_leap(year) else 365
        year += 1
    month = offset // 31 + 1 if offset < 186 else (offset - 186) // 30 + 7
    dom = offset % 31 + 1 if offset < 186 else (offset - 186) % 30 + 1
    return {"jalali": "%d-%02d-%02d" % (year, month, dom),
            "gregorian": day.isoformat()}


def jalali_leap(year):
    return year % 33 in (1, 5, 9, 13, 17, 22, 26, 30)


def tehran_today():
    return (datetime.now(timezone.utc) + timedelta(hours=3, minutes=30)).date()


class Catalogue:
    """A private copy of the catalogue that a test may change."""

    def __init__(self, home):
        self.home = home
        shutil.copytree(CATALOGUE, home, ignore=shutil.ignore_patterns(
            "*.c", "meson.build", "country"))
        self.parts = {}

    def part(self, name):
        if name not in self.parts:
            with open(os.path.join(self.home, name + ".json"),
                      encoding="utf-8") as file:
                self.parts[name] = json.load(file)
        return self.parts[name]

    @property
    def enactment(self):
        return self.part("enactment")

    def save(self):
        for name, value in self.parts.items():
            path = os.path.join(self.home, name + ".json")
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(json.dumps(value, ensure_ascii=False))
            os.rename(path + ".new", path)

    def terms(self, grant):
        return [t for t in self.enactment["grant_terms"]
                if t["grant"] == grant][0]

    def probe(self, name):
        return [p for p in self.enactment["probes"] if p["id"] == name][0]

    def methods(self, service):
        return [m for m in self.enactment["methods"]
                if m["service"] == service][0]

    def unlimited(self):
        """Quotas out of the way, except those of the probes."""
        for terms in self.enactment["grant_terms"]:
            terms["quota"] = {"rate_per_s": 1000000, "burst": 1000000,
                              "per_day": 100000000}


def prepared_image(catalogue, probes, deployment, probe_services=False):
    """The image that the registry makes of a catalogue and a deployment; made
    once for all exchanges, and by all that run side by side, that differ in
    keys and ports only."""
    catalogue.save()
    parts = {name: deployment[name] for name in ("systems", "endpoints")}
    connected = sorted(row["system"] for row in parts["endpoints"])
    options = ["--probes"] * probes + ["--probe-services"] * probe_services
    digest = hashlib.sha256(repr((options, connected)).encode())
    for folder, _, names in sorted(os.walk(catalogue.home)):
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as file:
                digest.update(file.read())
    image = os.path.join(os.environ["PAYVAND_IMAGES"], digest.hexdigest())
    with open(image + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(image):
            _make_image(image, catalogue, parts, options)
    return image


def _make_image(image, catalogue, parts, options):
    folder = tempfile.mkdtemp(prefix="pv-image-")
    registry = Registry(folder)
    try:
        with open(os.path.join(folder, "deployment.json"), "w") as file:
            json.dump(parts, file)
        registry.enact(*options, "--deployment", file.name,
                       catalogue=catalogue.home)
        registry.stop()
        shutil.copy(registry.image / "data.mdb", image + ".new")
        os.rename(image + ".new", image)
    finally:
        registry.kill()
        shutil.rmtree(folder, ignore_errors=True)
