"""Fixtures shared by the end to end tests; see README.md."""

import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import LONG, Exchange  # noqa: E402
from marker import new_marker, short  # noqa: E402
from pki import Pki  # noqa: E402

# What takes longest begins first, so that no worker is alone with it at the
# end: xdist hands files out in this order (--dist loadfile).
LONGEST_FIRST = (
    "test_power", "test_traced_log", "test_grants", "test_chaos",
    "test_registry_catalogue", "test_traced_disk", "test_marker",
    "test_marker_deaths", "test_traced_log_refusals",
    "test_power_witness", "test_databases", "test_evidence", "test_live",
    "test_provider", "test_log", "test_hostile", "test_yes_no",
    "test_witnessed")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only with PAYVAND_LONG=1")
    if not hasattr(config, "workerinput"):  # whoever begins the others
        os.environ["PAYVAND_IMAGES"] = _folder("images")


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["PAYVAND_IMAGES"], ignore_errors=True)


def _place(item):
    name = item.path.stem
    return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)


def pytest_collection_modifyitems(items):
    items.sort(key=_place)
    for item in items:
        if item.get_closest_marker("long") and not LONG:
            item.add_marker(pytest.mark.skip(reason="PAYVAND_LONG is not 1"))


def _folder(name):
    """Short: a Unix socket's path has 107 bytes."""
    return tempfile.mkdtemp(prefix="pv-%s-" % name[:12])


@pytest.fixture(scope="session")
def pki():
    home = _folder("pki")
    yield Pki(home)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A journal of more than two packs, and its tree; nobody changes it."""
    from test_keeper import make_source

    return make_source(tmp_path_factory.mktemp("keeper"))


@pytest.fixture
def home(request):
    folder = _folder(request.node.name.replace("/", "-"))
    yield folder
    _keep_or_remove(request, folder)


def _keep_or_remove(request, folder):
    if os.environ.get("PAYVAND_KEEP") == "1":
        print("kept", folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def ex(request, pki):
    """One exchange with the real catalogue, for the tests of one file.

    A file gives its own by a module variable EXCHANGE = {arguments}.
    """
    folder = _folder(request.module.__name__)
    arguments = getattr(request.module, "EXCHANGE", {})
    with Exchange(folder, pki, **arguments) as exchange:
        yield exchange
    _keep_or_remove(request, folder)


@pytest.fixture
def make(request, pki):
    """Exchanges of a test's own: make(workers=1, edit=...); kind is another
    class of them."""
    made = []

    def start(**arguments):
        folder = _folder(request.node.name)
        kind = arguments.pop("kind", Exchange)
        exchange = kind(folder, pki, **arguments)
        made.append((exchange, folder))
        try:
            return exchange.up()
        except BaseException:
            exchange.kill_everything()
            made.pop()
            raise

    yield start
    failed = getattr(request.node, "failed_call", False)
    wrong = []
    for exchange, folder in made:
        try:
            exchange.down(check=not failed)
        except AssertionError as error:
            wrong.append(error)
        _keep_or_remove(request, folder)
    if wrong:
        raise wrong[0]


@pytest.fixture
def marker():
    """A word that is nowhere yet."""
    return new_marker()


@pytest.fixture
def marked(make):
    """An exchange that may dump cores as large as it likes, logging all."""
    def start(**more):
        conf = dict(more.pop("conf", {}))
        conf.setdefault("level", "info")
        more.setdefault("workers", 2)
        return make(core=True, conf=conf, deploy=short, **more)
    return start


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        item.failed_call = True
