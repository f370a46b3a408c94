"""What cannot be sent at once waits in memory of its own: the worker lends one
buffer to all its connections, and nobody's bytes may reach another."""

import socket
import threading

import pytest

from harness import FIC, TAX, answering, assert_outcome
from wire import reply, request

CALLERS = 6
ANSWER = 2 << 20        # more than the sockets between two of them hold
BODY = 1 << 20          # the longest that the gate takes
WINDOW = 64 << 10


def deploy(deployment):
    deployment["methods"] = [{"path": TAX, "deadline_ms": 60000,
                              "answer_max_len": ANSWER}]


EXCHANGE = {"workers": 1, "deploy": deploy}


def bytes_of(number, length):
    return (b"<%d>" % number * length)[:length]


@pytest.fixture
def tax(ex):
    provider = ex.provider["tax-administration"]
    provider.clear()
    yield provider
    provider.behave = answering()


def test_each_slow_caller_gets_its_own_answer(ex, tax):
    tax.behave = lambda seen, c: reply(bytes_of(int(seen.body), ANSWER))
    wires = [ex.wire(FIC) for _ in range(CALLERS)]
    for number, wire in enumerate(wires):
        wire.send(request(TAX, b"%d" % number))
    # all of them wait for a reader, and each is read a little at a time
    left = set(range(CALLERS))
    while left:
        for number in sorted(left):
            stream = wires[number].stream
            stream.fill()
            assert stream.buffer.startswith(b"HTTP/1.1 200 "), stream.buffer
            if len(stream.buffer) > ANSWER:
                left.remove(number)
    for number, wire in enumerate(wires):
        answer = wire.answer()
        assert_outcome(answer, "answered")
        assert answer.body == bytes_of(number, ANSWER)
    tax.behave = answering()
    for wire in wires:      # which go on
        assert_outcome(wire.ask(request(TAX, b"{}")), "answered")
        wire.close()


def test_a_slow_provider_gets_each_caller_s_own_body(ex, tax):
    tax.drop_connections()
    tax.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    tax.behave = answering()

    answers = {}

    def send(number):
        with ex.wire(FIC) as wire:
            answers[number] = wire.ask(request(TAX, bytes_of(number, BODY)),
                                       60)

    threads = [threading.Thread(target=send, args=(n,))
               for n in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(CALLERS):
        assert_outcome(answers[number], "answered")
    assert sorted(seen.body for seen in tax.seen) == [
        bytes_of(number, BODY) for number in range(CALLERS)]
