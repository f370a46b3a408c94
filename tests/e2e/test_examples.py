"""The printed example calls in four languages, compiled and run: all of them
ask the same and get the same, over TLS 1.3 with a client certificate where the
language's runtime has that."""

import json
import os
import re
import shutil
import subprocess

import pytest

from harness import SANITIZE, Process, program_env, wait_for
from ports import free_port
from test_contract_mock import Mock
from test_contracts import CONTRACTS, PATTERN, SERVICES, contract, payvand

pytestmark = pytest.mark.skipif(
    SANITIZE, reason="the printed texts are the same without sanitizers")

# several of each pattern, and what is special about a request: consent, an
# order, pages, a picture, a polygon, Persian words
SHOWN = sorted({
    *(name for pattern in PATTERN
      for name in [n for n in sorted(CONTRACTS)
                   if SERVICES[n]["pattern"] == pattern][:2]),
    "knowledge-based-company-income", "commercial-account-registration",
    "electricity-new-bill-ids", "payam-iran-message", "vehicle-authenticity",
    "payroll-list-identity-verification", "oid-registration"})

NGINX = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log;
worker_processes 1;
events {{}}
http {{
    log_format asked escape=none '$uri\\t$ssl_protocol\\t$ssl_client_verify\\t$request_body';
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
    client_body_buffer_size 64k;
    ssl_certificate {home}/server.crt; ssl_certificate_key {home}/server.key;
    ssl_client_certificate {home}/ca.crt;
    server {{ listen 127.0.0.1:{strict} ssl; ssl_protocols TLSv1.3; ssl_verify_client on;
        access_log {home}/asked asked;
        {locations} }}
    server {{ listen 127.0.0.1:{old} ssl; ssl_protocols TLSv1.2; ssl_verify_client optional;
        access_log {home}/asked asked;
        {locations} }}
    server {{ listen 127.0.0.1:{foreign} ssl; ssl_protocols TLSv1.2;
        ssl_certificate {home}/other.crt; ssl_certificate_key {home}/other.key;
        access_log {home}/asked asked;
        {locations} }}
}}
"""

PYTHON_RUNNER = """
import runpy, sys
for name in sys.argv[1:]:
    print("==", name)
    runpy.run_path(name, run_name="__main__")
"""

JAVA_RUNNER = """
import java.lang.reflect.Method;
public class Runner {
    public static void main(String[] names) throws Exception {
        for (String name : names) {
            System.out.println("== " + name);
            try {
                Method main = Class.forName(name).getDeclaredMethod("main", String[].class);
                main.setAccessible(true);
                main.invoke(null, (Object) new String[0]);
            } catch (Exception e) {
                System.out.println("failed: " + e + " " + e.getCause());
            }
        }
    }
}
"""

CSHARP_RUNNER = """
using System;
using System.Reflection;
class Runner {
    static void Main(string[] names) {
        foreach (string name in names) {
            Console.WriteLine("== " + name);
            try {
                Type.GetType(name).GetMethod("Main", BindingFlags.Static | BindingFlags.NonPublic)
                    .Invoke(null, new object[0]);
            } catch (Exception e) {
                Console.WriteLine("failed: " + e.ToString().Replace("\\n", " "));
            }
        }
    }
}
"""


def run(argv, cwd, **more):
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True,
                          timeout=180, check=False,
                          env=dict(program_env(), LC_ALL="C.UTF-8"), **more)
    assert done.returncode == 0, (argv[:3], (done.stdout + done.stderr)[-3000:])
    return done.stdout


def certificates(home):
    """RSA: Mono cannot judge a chain of another kind."""
    for name in ("ca", "otherca"):
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "9",
             "-subj", f"/CN={name}"], home)
    for name, ca in (("server", "ca"), ("client", "ca"), ("other", "otherca")):
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "9",
             "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1",
             "-addext", "basicConstraints=critical,CA:FALSE"], home)


class Front:
    """Mocks of SHOWN behind a real nginx that asks for certificates."""

    def __init__(self, home):
        self.home = str(home)
        self.mocks = [Mock(name) for name in SHOWN]
        self.calls = [(name, method["id"]) for name in SHOWN
                      for method in contract(name)["methods"]]
        certificates(self.home)
        locations = "\n".join(
            f"location /x/{contract(name)['provider']}/{name}/ "
            f"{{ proxy_pass {mock.url}; }}"
            for name, mock in zip(SHOWN, self.mocks))
        ports = {name: free_port() for name in ("strict", "old", "foreign")}
        self.url = {name: f"https://127.0.0.1:{port}"
                    for name, port in ports.items()}
        config = os.path.join(self.home, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(home=self.home, locations=locations, **ports))
        self.nginx = Process("nginx", ["nginx", "-p", self.home, "-c", config],
                             os.path.join(self.home, "nginx.out"))
        wait_for("nginx", lambda: os.path.exists(
            os.path.join(self.home, "nginx.pid")))

    def text(self, name, method, language, server):
        done = payvand("example", CONTRACTS[name], method, "--as", language,
                       "--server", self.url[server])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asked(self, count):
        """(path, TLS, certificate, body) of what came since the last time:
        a line is written after its answer."""
        path = os.path.join(self.home, "asked")

        def lines():
            with open(path, encoding="utf-8") as file:
                return [line[:-1].split("\t") for line in file
                        if line.endswith("\n")]
        wait_for("the log of nginx", lambda: len(lines()) >= count)
        found = lines()
        os.truncate(path, 0)
        return found

    def close(self):
        self.nginx.stop()
        for mock in self.mocks:
            mock.__exit__()


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    made = Front(tmp_path_factory.mktemp("examples"))
    yield made
    made.close()


def without_moment(body):
    answer = json.loads(body)
    answer.pop("determined_at", None)
    return answer


@pytest.fixture(scope="module")
def by_curl(front):
    """What curl asked and got: [(path, body asked, answer)]."""
    said = []
    for name, method in front.calls:
        out = run(["bash", "-c", front.text(name, method, "curl", "strict")],
                  front.home)
        head, body = out.replace("\r\n", "\n").split("\n\n", 1)
        assert " 200" in head.split("\n")[0], (name, out)
        assert "payvand-outcome: answered" in head.lower(), (name, head)
        said.append(without_moment(body))
    asked = front.asked(len(front.calls))
    assert [(tls, cert) for _, tls, cert, _ in asked] == \
        [("TLSv1.3", "SUCCESS")] * len(front.calls)
    return [(path, json.loads(body), answer)
            for (path, _, _, body), answer in zip(asked, said)]


def judged(front, by_curl, out, tls):
    """Each call's part of the output, and what nginx saw, against curl's."""
    parts = re.split(r"^== \S+\n", out, flags=re.MULTILINE)[1:]
    asked = front.asked(len(by_curl))
    assert len(parts) == len(asked) == len(by_curl), out[-2000:]
    for part, one, (path, body, answer) in zip(parts, asked, by_curl):
        outcome, text = part.split("\n", 1)
        assert outcome.split()[0] == "answered", part
        assert (one[0], tuple(one[1:3]), json.loads(one[3])) == \
            (path, tls, body)
        assert without_moment(text) == answer


def steps(text):
    """The shell commands of an example's comment."""
    return re.findall(r"^//   (.*)$", text, flags=re.MULTILINE)


def renamed(front, language, server, folder):
    """Each call's class under a name of its own, all in one folder."""
    ending = {"java": "java", "csharp": "cs"}[language]
    for i, (name, method) in enumerate(front.calls):
        text, times = re.subn(r"class Call\b", f"class Call{i}",
                              front.text(name, method, language, server))
        assert times == 1
        with open(os.path.join(folder, f"Call{i}.{ending}"), "w",
                  encoding="utf-8") as file:
            file.write(text)
    runner = {"java": JAVA_RUNNER, "csharp": CSHARP_RUNNER}[language]
    with open(os.path.join(folder, f"Runner.{ending}"), "w",
              encoding="utf-8") as file:
        file.write(runner)
    return [f"Call{i}.{ending}" for i in range(len(front.calls))] + \
        [f"Runner.{ending}"], [f"Call{i}" for i in range(len(front.calls))]


def needs(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def test_what_is_asked_is_in_persian_too(by_curl):
    assert any(re.search("[\u0600-\u06ff]", json.dumps(body, ensure_ascii=False))
               for _, body, _ in by_curl)


def test_python(front, by_curl):
    for i, (name, method) in enumerate(front.calls):
        with open(os.path.join(front.home, f"call{i}.py"), "w",
                  encoding="utf-8") as file:
            file.write(front.text(name, method, "python", "strict"))
    out = run(["python3", "-c", PYTHON_RUNNER,
               *(f"call{i}.py" for i in range(len(front.calls)))], front.home)
    judged(front, by_curl, out, ("TLSv1.3", "SUCCESS"))


def test_java(front, by_curl):
    needs("java", "javac", "keytool")
    text = front.text(*front.calls[0], "java", "strict")
    assert len(steps(text)) == 2
    for command in steps(text):
        run(["bash", "-c", command], front.home)
    files, names = renamed(front, "java", "strict", front.home)
    run(["javac", "-encoding", "UTF-8", "-Werror", *files], front.home)
    out = run(["java", "-Dfile.encoding=UTF-8", "Runner", *names], front.home)
    judged(front, by_curl, out, ("TLSv1.3", "SUCCESS"))

    # as a person runs it, and not where another authority vouches
    with open(os.path.join(front.home, "Call.java"), "w",
              encoding="utf-8") as file:
        file.write(front.text(*front.calls[0], "java", "foreign"))
    done = subprocess.run(["java", "-Dfile.encoding=UTF-8", "Call.java"],
                          cwd=front.home, capture_output=True, text=True,
                          timeout=180, check=False)
    assert done.returncode != 0 and "SSLHandshakeException" in done.stderr
    assert front.asked(0) == []


def test_csharp(front, by_curl, tmp_path):
    """By Mono, the C# that Debian has: it knows neither TLS 1.3 nor PKCS#12
    of today, and its HttpClient sends no certificate. The rest is shown."""
    needs("mcs", "mono")
    assert len(steps(front.text(*front.calls[0], "csharp", "old"))) == 1
    shutil.copy(os.path.join(front.home, "ca.crt"), tmp_path)
    run(["openssl", "pkcs12", "-export", "-in", "client.crt", "-inkey",
         "client.key", "-out", tmp_path / "client.p12", "-passout",
         "pass:changeit", "-keypbe", "PBE-SHA1-3DES", "-certpbe",
         "PBE-SHA1-3DES", "-macalg", "sha1"], front.home)
    files, names = renamed(front, "csharp", "old", tmp_path)
    run(["mcs", "-codepage:utf8", "-warnaserror", "-r:System.Net.Http",
         "-main:Runner", "-out:all.exe", *files], tmp_path)
    out = run(["mono", "all.exe", *names], tmp_path)
    judged(front, by_curl, out, ("TLSv1.2", "NONE"))

    files, names = renamed(front, "csharp", "foreign", tmp_path)
    run(["mcs", "-codepage:utf8", "-r:System.Net.Http", "-main:Runner",
         "-out:foreign.exe", "Call0.cs", "Runner.cs"], tmp_path)
    out = run(["mono", "foreign.exe", "Call0"], tmp_path)
    assert "failed: " in out and "answered" not in out
    assert front.asked(0) == []
