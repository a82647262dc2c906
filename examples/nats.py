#!/usr/bin/env python3
"""A NATS client that needs nothing but Python, for the tutorials and the how-to guides.

    nats.py stream NAME SUBJECT...          make a stream (DESCRIPTION=… describes it)
    nats.py pub SUBJECT [FILE]              publish each line of FILE, or of standard input
    nats.py read STREAM [SUBJECT]           print what a stream holds: subject and payload
    nats.py watch SUBJECT [COUNT]           print messages as they come

NATS_URL names the server: nats://[user:password@]host:port. Use a real client in a program of your own:
this one speaks as much of the protocol (https://docs.nats.io/reference/reference-protocols/nats-protocol)
as the pages need. The same with the `nats` command line stands in docs/how-to/README.md.
"""

import base64
import json
import os
import socket
import sys
from urllib.parse import urlsplit


class Connection:
    """One connection. Answers come on subjects below `inbox`."""

    def __init__(self):
        url = urlsplit(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
        self.socket = socket.create_connection((url.hostname, url.port or 4222), timeout=10)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()  # INFO: what the server can do
        options = {"verbose": False, "lang": "python", "version": "0", "headers": True, "no_responders": True}
        if url.username:
            options |= {"user": url.username, "pass": url.password}
        self.inbox = "_INBOX." + os.urandom(8).hex()
        self.send(f"CONNECT {json.dumps(options)}\r\nSUB {self.inbox}.* 1\r\n".encode())
        self.flush()

    def send(self, data):
        self.socket.sendall(data)

    def publish(self, subject, payload, reply=""):
        self.send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def flush(self):
        """Returns when the server has read all that was sent."""
        self.send(b"PING\r\n")
        while (line := self.lines.readline()).strip() != b"PONG":
            if line.startswith(b"-ERR") or not line:
                sys.exit(f"the server says: {line.decode().strip() or 'nothing'}")

    def next(self):
        """The next message: its subject and its payload; no payload where nobody answers."""
        while line := self.lines.readline():
            words = line.decode().split()
            if words[0] == "PING":
                self.send(b"PONG\r\n")
            elif words[0] in ("MSG", "HMSG"):
                whole = self.lines.read(int(words[-1]) + 2)[:-2]
                head = int(words[-2]) if words[0] == "HMSG" else 0
                return words[1], None if b" 503" in whole[:head].split(b"\r\n")[0] else whole[head:]
            elif words[0] == "-ERR":
                sys.exit(f"the server says: {line.decode().strip()}")
        sys.exit("the server closed the connection")

    def ask(self, subject, payload):
        self.publish(subject, payload, f"{self.inbox}.1")
        answer = self.next()[1]
        if answer is None:
            sys.exit(f"nobody answers on {subject}: is there a stream for it?")
        answer = json.loads(answer)
        return answer

    def api(self, name, request):
        return self.ask(f"$JS.API.{name}", json.dumps(request).encode())


def fail_on(answer):
    if "error" in answer:
        sys.exit(answer["error"]["description"])


def stream(name, *subjects):
    limits = {"retention": "limits", "storage": "file", "num_replicas": 1}
    limits["description"] = os.environ.get("DESCRIPTION", "")
    fail_on(Connection().api(f"STREAM.CREATE.{name}", {"name": name, "subjects": subjects, **limits}))
    print(f"stream {name} holds {', '.join(subjects)}")


def pub(subject, file=None):
    connection, count = Connection(), 0
    for line in open(file, "rb") if file else sys.stdin.buffer:
        if payload := line.strip():
            fail_on(connection.ask(subject, payload))
            count += 1
    print(f"{count} published on {subject}")


def read(name, subject=">"):
    connection, sequence = Connection(), 1
    while "message" in (found := connection.api(f"STREAM.MSG.GET.{name}", {"seq": sequence, "next_by_subj": subject})):
        message = found["message"]
        print(message["subject"], base64.b64decode(message.get("data", "")).decode(errors="replace"))
        sequence = message["seq"] + 1
    if found.get("error", {}).get("err_code") != 10037:  # no such message: the end
        fail_on(found)


def watch(subject, count="0"):
    connection = Connection()
    connection.send(f"SUB {subject} 2\r\n".encode())
    connection.flush()
    connection.socket.settimeout(None)
    left = int(count)
    while True:
        print(*(part if isinstance(part, str) else part.decode() for part in connection.next()), flush=True)
        left -= 1
        if left == 0:
            return


if __name__ == "__main__":
    commands = {"stream": stream, "pub": pub, "read": read, "watch": watch}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        commands[sys.argv[1]](*sys.argv[2:])
    except OSError as cause:
        sys.exit(f"cannot reach the server: {cause}")
    except KeyboardInterrupt:
        pass
