"""Run a command with a PostgreSQL of its own.

    with_postgres.py COMMAND ...

The server runs in a temporary directory as an ordinary user (as `nobody` when
started by root), listens on a Unix socket only, and is stopped at the end.
The command finds it in PAYVAND_TEST_STORE. Without PostgreSQL it is skipped
(77, which meson understands).
"""

import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

SKIP = 77


def find(program):
    """The newest one that Debian installed."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"))
    return found[-1] if found else shutil.which(program)


def ordinary():
    """(preexec of the server, uid it runs as)."""
    if os.getuid() != 0:
        return None, os.getuid()
    nobody = pwd.getpwnam("nobody")

    def become():
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    return become, nobody.pw_uid


class Postgres:
    """A server in a directory of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.become, uid = ordinary()
        self.data = os.path.join(folder, "data")
        self.socket = os.path.join(folder, "s")
        for path in (self.data, self.socket):
            os.mkdir(path, 0o755)
            os.chown(path, uid, -1)
        os.chmod(folder, 0o755)  # the test may be another user
        self.run("initdb", "-D", self.data, "-U", "payvand", "-A", "trust",
                 "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
        self.store = f"postgresql:host={self.socket} user=payvand dbname=payvand"
        self.start()
        self.run("createdb", "-h", self.socket, "-U", "payvand", "payvand")

    def run(self, program, *args):
        """One of PostgreSQL's programs, as the ordinary user."""
        subprocess.run([find(program), *args], check=True, cwd="/",
                       stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                       preexec_fn=self.become)

    def start(self):
        """Start and wait until it answers."""
        self.run("pg_ctl", "-D", self.data, "-w", "-l",
                 os.path.join(self.data, "log"), "-o",
                 f"-c listen_addresses= -c unix_socket_directories={self.socket}"
                 " -c unix_socket_permissions=0777 -c max_connections=20"
                 " -c shared_buffers=16MB", "start")

    def stop(self, mode="fast"):
        """Stop at once, breaking off what is open."""
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")


def main():
    """Run the command between start and stop."""
    if find("initdb") is None or find("pg_ctl") is None:
        print("1..0 # SKIP no PostgreSQL")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="pv-pg-") as folder:
        server = Postgres(folder)
        try:
            env = dict(os.environ, PAYVAND_TEST_STORE=server.store)
            return subprocess.run(sys.argv[1:], env=env, check=False).returncode
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    sys.exit(main())
