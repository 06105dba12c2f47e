"""Talks, in which a request depends on the answer before it, and the CPU time of a process with its children."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import socket
import threading

import pytest

from telesphor.bench.clocks import tree_seconds
from telesphor.bench.load import Lane, body_of, drive_talks, get_bytes, is_whole, post_bytes

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"


def test_talk_is_sent_the_whole_answer_before_its_next_request() -> None:
    heard: list[bytes] = []

    def talk(name: str) -> Lane:
        ticket = body_of((yield post_bytes("/ask", name.encode(), media_type="text/plain"))).decode()
        heard.append(body_of((yield get_bytes("/fetch", ticket=ticket))))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=echo_last_line, args=(listener,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        driven = drive_talks([talk("a"), talk("b")], port=listener.getsockname()[1])
        for thread in threads:
            thread.join()
    assert driven.statuses == {200: 4}
    assert sorted(heard) == [b"authorization: Bearer a", b"authorization: Bearer b"]


def test_body_of_another_status_is_refused() -> None:
    assert body_of(HEAD % 2 + b"{}") == b"{}"
    with pytest.raises(ValueError, match="403"):
        body_of(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
    with pytest.raises(ValueError, match="200"):
        body_of(HEAD % 2 + b"{}", status=202)


def test_ticket_goes_into_the_head_and_not_into_the_body() -> None:
    request = post_bytes("/x", b"body", media_type="text/plain", ticket="t")
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"authorization: Bearer t" in head and body == b"body" and is_whole(request)
    assert b"authorization" not in get_bytes("/x")


def test_seconds_of_a_process_hold_those_of_its_children() -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=work_and_wait, args=(there,))
    child.start()
    here.recv()
    childs = tree_seconds(child.pid or 0)
    alone = sum(os.times()[:2])
    ours = tree_seconds(os.getpid())
    here.send(None)
    child.join()
    assert childs >= 0.2
    assert ours >= alone + childs - 2 * TICK_SECONDS


def work_and_wait(connection: multiprocessing.connection.Connection) -> None:
    """Use some of the processor, say so, and stay until told."""
    while sum(os.times()[:2]) < 0.3:
        sum(range(10_000))
    connection.send(None)
    connection.recv()


def echo_last_line(listener: socket.socket) -> None:
    """Serve one connection: the answer is the last line of each request."""
    connection = listener.accept()[0]
    with connection:
        while data := connection.recv(65_536):
            last = data.rstrip(b"\r\n").rpartition(b"\r\n")[2]
            connection.sendall(HEAD % len(last) + last)
