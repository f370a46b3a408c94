"""Real database servers for tests: each in a directory of its own, on a Unix
socket only, as an ordinary user (as `nobody` when the tests run as root).

Every one of them has the same face: .dsn(...) for a connector, .run(SQL), .stop()
and .start().
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys

from harness import ROOT, children_of, is_alive, wait_for

sys.path.insert(0, os.path.join(ROOT, "tests", "unit"))

from with_postgres import Postgres as PostgresServer, find, ordinary  # noqa: E402

LIBS = "/usr/lib/x86_64-linux-gnu/odbc/"


class Sqlite:
    """A file; what stops it is that the file is away."""

    name = "sqlite"
    driver = LIBS + "libsqlite3odbc.so"
    sleep = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
             " SELECT count(*) AS n FROM c")
    million = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM "
               "c LIMIT 1000000) SELECT x AS n FROM c")
    big_text = "text"

    def __init__(self, folder):
        self.path = os.path.join(folder, "x.sqlite")
        self.run("SELECT 1")

    def dsn(self):
        return "Driver=%s;Database=%s" % (self.driver, self.path)

    def run(self, sql):
        with sqlite3.connect(self.path) as db:
            db.executescript(sql)
        db.close()

    def stop(self):
        os.rename(self.path, self.path + ".away")

    def start(self):
        os.rename(self.path + ".away", self.path)

    def end(self):
        """Nothing runs."""

    def sleeps(self):
        """It runs in the worker, which was killed."""
        return False

    @staticmethod
    def repeat(count):
        return "replace(hex(zeroblob(%d / 2)), '0', 'x')" % count


class Postgres:
    """A PostgreSQL server."""

    name = "postgresql"
    driver = LIBS + "psqlodbcw.so"
    sleep = "SELECT 1 AS n FROM pg_sleep(600)"
    doze = "SELECT 1 FROM pg_sleep(CAST(:amount AS integer) / 100.0)"
    million = "SELECT x AS n FROM generate_series(1, 1000000) x"
    big_text = "text"

    def __init__(self, folder):
        self.server = PostgresServer(folder)

    def dsn(self):
        return "Driver=%s;Servername=%s;Database=payvand;Username=payvand" % (
            self.driver, self.server.socket)

    def run(self, sql):
        subprocess.run([find("psql"), "-q", "-h", self.server.socket, "-U",
                        "payvand", "-v", "ON_ERROR_STOP=1", "payvand"],
                       input=sql.encode(), check=True, cwd="/",
                       stdout=subprocess.DEVNULL)

    def stop(self):
        self.server.stop("immediate")

    def start(self):
        self.server.start()

    def kill(self):
        """SIGKILL to every process of the server."""
        with open(os.path.join(self.server.data, "postmaster.pid")) as file:
            first = int(file.readline())
        pids = [first] + children_of(first)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has just ended
        # its shared memory is in use until the last one is gone
        wait_for("PostgreSQL to be gone",
                 lambda: not any(is_alive(pid) for pid in pids))
        # nobody may have waited for it yet, and to PostgreSQL it is there then
        for name in (os.path.join(self.server.data, "postmaster.pid"),
                     os.path.join(self.server.socket, ".s.PGSQL.5432.lock")):
            if os.path.exists(name):
                os.unlink(name)

    end = stop

    def number(self, sql):
        """The one value of a query."""
        return int(subprocess.run(
            [find("psql"), "-qAt", "-h", self.server.socket, "-U", "payvand",
             "-c", sql, "payvand"], check=True, cwd="/",
            stdout=subprocess.PIPE, text=True).stdout)

    def sleeps(self):
        """Is a statement that sleeps under way?"""
        return self.number("SELECT count(*) FROM pg_stat_activity WHERE state ="
                           " 'active' AND wait_event = 'PgSleep'") > 0

    @staticmethod
    def repeat(count):
        return "repeat('x', %d)" % count


class Maria:
    """A MariaDB server."""

    name = "mariadb"
    driver = LIBS + "libmaodbc.so"
    sleep = "SELECT sleep(600) AS n"
    doze = "SELECT sleep(CAST(:amount AS signed) / 100)"
    million = "SELECT seq AS n FROM seq_1_to_1000000"
    big_text = "longtext"

    def __init__(self, folder):
        self.folder = folder
        self.become, uid = ordinary()
        self.data = os.path.join(folder, "data")
        self.socket = os.path.join(folder, "s")
        os.mkdir(self.data, 0o755)
        os.chown(self.data, uid, -1)
        os.chown(folder, uid, -1)
        os.chmod(folder, 0o755)
        self.popen = None
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--datadir=" + self.data,
             "--auth-root-authentication-method=normal", "--skip-test-db",
             "--innodb-log-file-size=4M", "--innodb-flush-method=nosync"],
            check=True, cwd=folder, stdout=subprocess.DEVNULL,
            preexec_fn=self.become)
        self.start()
        self.run("CREATE DATABASE payvand CHARACTER SET utf8mb4", "mysql")

    def dsn(self):
        return ("Driver=%s;Socket=%s;Database=payvand;User=root;"
                "Charset=utf8mb4" % (self.driver, self.socket))

    def run(self, sql, database="payvand"):
        subprocess.run(["mariadb", "--no-defaults", "--socket=" + self.socket,
                        "--user=root", "--default-character-set=utf8mb4",
                        database], check=True,
                       input=("SET sql_mode = 'NO_BACKSLASH_ESCAPES';" +
                              sql).encode())

    def number(self, sql):
        """The one value of a query."""
        return int(subprocess.run(
            ["mariadb", "--no-defaults", "--socket=" + self.socket,
             "--user=root", "-N", "payvand"], input=sql, check=True,
            stdout=subprocess.PIPE, text=True).stdout)

    def sleeps(self):
        """Is a statement that sleeps under way?"""
        return self.number("SELECT count(*) FROM information_schema.processlist"
                           " WHERE state = 'User sleep'") > 0

    def answers(self):
        done = subprocess.run(
            ["mariadb", "--no-defaults", "--socket=" + self.socket,
             "--user=root", "mysql"], input=b"SELECT 1", check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return done.returncode == 0

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.popen = subprocess.Popen(
                [shutil.which("mariadbd", path="/usr/sbin:/usr/bin"),
                 "--no-defaults",
                 "--datadir=" + self.data, "--socket=" + self.socket,
                 "--skip-networking", "--innodb-buffer-pool-size=16M",
                 "--innodb-log-file-size=4M", "--innodb-flush-method=nosync",
                 "--innodb-flush-log-at-trx-commit=2",
                 "--max-allowed-packet=256M", "--lc-messages-dir="
                 "/usr/share/mysql", "--pid-file=" + self.data + "/pid"],
                cwd=self.folder, stdout=log, stderr=log,
                preexec_fn=self.become)
        wait_for("MariaDB to answer", self.answers, 60)

    def stop(self):
        self.popen.kill()
        self.popen.wait()

    end = kill = stop

    @staticmethod
    def repeat(count):
        return "repeat('x', %d)" % count


ALL = {kind.name: kind for kind in (Sqlite, Postgres, Maria)}
