"""Message signatures written from the text of RFC 9421 and RFC 9530, for the
tests only. It shares nothing with what it tests."""

import base64
import hashlib
import re
import secrets
import time

import ed25519

SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")
REQUEST = ("@method", "@path", "content-digest")
OPTIONAL = ("content-type", "idempotency-key", "payvand-consent",
            "payvand-evidence")
ANSWER = ("payvand-outcome", "payvand-tracking-id", "content-type",
          "content-digest", "@method;req", "@path;req")


def pem(kind, der):
    text = base64.encodebytes(der).decode()
    return "-----BEGIN %s KEY-----\n%s-----END %s KEY-----\n" % (kind, text,
                                                                 kind)


class Key:
    """An Ed25519 pair."""

    def __init__(self, seed=None):
        self.seed = seed or secrets.token_bytes(32)
        self.public = ed25519.public(self.seed)
        self.id = hashlib.sha256(SPKI_ED25519 + self.public).hexdigest()
        self.private_pem = pem("PRIVATE", PKCS8_ED25519 + self.seed)
        self.public_pem = pem("PUBLIC", SPKI_ED25519 + self.public)


def digest(body):
    return "sha-256=:%s:" % base64.b64encode(
        hashlib.sha256(body).digest()).decode()


def base(components, params, values, request=None):
    lines = []
    for one in components:
        name, _, req = one.partition(";")
        source = request if req else values
        lines.append('"%s"%s: %s' % (name, ";req" if req else "",
                                     source[name]))
    return "\n".join(lines + ['"@signature-params": ' + params]).encode()


def sign(key, path, body, headers, **changes):
    """The headers with those of a signature. changes: created, expires,
    nonce, keyid, tag, cover (a list), label."""
    now = int(time.time())
    say = {"created": now, "expires": now + 60,
           "nonce": secrets.token_hex(16), "keyid": key.id,
           "tag": "payvand-request", "label": "payvand", **changes}
    values = {k.lower(): v for k, v in headers.items()}
    values.update({"content-digest": digest(body), "@method": "POST",
                   "@path": path})
    cover = say.get("cover") or [
        *REQUEST, *(name for name in OPTIONAL if name in values)]
    params = "(%s)" % " ".join('"%s"' % name for name in cover)
    for name in ("created", "expires"):
        if say[name] is not None:
            params += ";%s=%d" % (name, say[name])
    for name in ("nonce", "keyid", "tag"):
        if say[name] is not None:
            params += ';%s="%s"' % (name, say[name])
    made = ed25519.sign(key.seed, base(cover, params, values))
    return {**headers, "Content-Digest": values["content-digest"],
            "Signature-Input": "%s=%s" % (say["label"], params),
            "Signature": "%s=:%s:" % (say["label"],
                                      base64.b64encode(made).decode())}


def answer(key, path, asked, body, outcome="answered"):
    """The headers of a provider's signed answer to the request that had the
    headers `asked`."""
    asked = {k.lower(): v for k, v in asked}
    asked.update({"@method": "POST", "@path": path})
    values = {"payvand-outcome": outcome,
              "payvand-tracking-id": asked["payvand-tracking-id"],
              "content-type": "application/json",
              "content-digest": digest(body)}
    cover = list(ANSWER) + [n + ";req" for n in ("content-digest", "signature")
                            if n in asked]
    now = int(time.time())
    params = "(%s);created=%d;expires=%d;keyid=\"%s\";tag=\"%s\"" % (
        " ".join('"%s"%s' % (n.partition(";")[0], ";req" if ";" in n else "")
                 for n in cover), now, now + 60, key.id, "payvand-answer")
    made = ed25519.sign(key.seed, base(cover, params, values, asked))
    return [("Payvand-Outcome", outcome),
            ("Payvand-Tracking-Id", values["payvand-tracking-id"]),
            ("Content-Digest", values["content-digest"]),
            ("Signature-Input", "payvand=" + params),
            ("Signature", "payvand=:%s:" % base64.b64encode(made).decode())]


def verify(public, body, headers, path, request):
    """Raises ValueError unless this is the signed answer to the request that
    had these headers."""
    values = {k.lower(): v for k, v in headers}
    asked = {k.lower(): v for k, v in request.items()}
    asked.update({"@method": "POST", "@path": path})
    label, _, params = values["signature-input"].partition("=")
    covered = [name + (";req" if req else "") for name, req in re.findall(
        r'"([^"]*)"(;req)?', params[1:params.index(")")])]
    wanted = list(ANSWER) + [n + ";req" for n in ("content-digest",
                                                  "signature") if n in asked]
    if covered != wanted or not params.endswith(';tag="payvand-answer"'):
        raise ValueError("another profile: " + params)
    if values["content-digest"] != digest(body):
        raise ValueError("another body")
    head, text, tail = values["signature"].partition(":")
    if head != label + "=" or not tail.endswith(":"):
        raise ValueError("another label")
    ed25519.verify(public, base(covered, params, values, asked),
                   base64.b64decode(tail[:-1]))
    return dict(re.findall(r';([a-z]+)="?([^";]*)"?', params))
