#!/usr/bin/env python3
"""A loopback HTTP front of chdb, the ClickHouse engine in this process: no server, for tests only.
SPDX-License-Identifier: Apache-2.0

usage: clickhouse_front.py --data DIR [--port PORT] [--ready FILE] [--setting NAME=VALUE...]
                           [--memory-database NAME] [--cluster NAME]

What HTTP clients of ClickHouse use is answered as a server would: POST (or GET) of SQL in the body,
in ?query= or both (INSERT ... FORMAT with its rows in the body), ?database=, ?default_format=,
?param_NAME=, and settings in the address. Errors come with the server's status codes, the text in
the body and the number in X-ClickHouse-Exception-Code. There are no users; it listens on 127.0.0.1
only. Statements run one after the other.

What differs from a server: tables with ENGINE = Kafka do not survive a restart, so they belong in
the database of engine Memory that --memory-database names; the engine reports 'Shutdown was called'
(code 49) for CREATE TABLE ... ENGINE = Kafka although the table is made: only that is passed over.
S3Queue does not run. There is no Keeper: Replicated tables cannot be made, and with
--cluster the engine is the one node of a cluster of that name, for Distributed tables, and ON CLUSTER
'NAME' is taken out of statements.
"""
import argparse
import gzip
import http.server
import os
import re
import signal
import sys
import tempfile
import threading
import urllib.parse

from chdb import session

CONFIG = """<clickhouse>
  <logger><level>none</level></logger>
  <kafka>
    <session_timeout_ms>6000</session_timeout_ms>
    <heartbeat_interval_ms>1500</heartbeat_interval_ms>
  </kafka>
%s</clickhouse>
"""
# A node whose address is its own runs its part of a distributed query in this process.
CLUSTER = """  <tcp_port>9000</tcp_port>
  <remote_servers><%s><shard>
    <replica><host>127.0.0.1</host><port>9000</port></replica>
  </shard></%s></remote_servers>
  <macros><shard>01</shard><replica>a</replica></macros>
"""
OWN = {"query", "database", "default_format", "user", "password", "query_id", "session_id",
       "session_timeout", "session_check", "compress", "decompress", "wait_end_of_query",
       "buffer_size", "enable_http_compression", "send_progress_in_http_headers", "quota_key"}
STATUS = {60: 404, 81: 404, 516: 403, 241: 500, 159: 408}
KAFKA = re.compile(rb"\bENGINE\s*=\s*Kafka\b", re.I)
INSERT = re.compile(rb"\s*(?:--[^\n]*\n\s*)*INSERT\s+INTO\b", re.I)
FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.I)


class Engine:
    def __init__(self, data, settings, memory_database, cluster):
        self.on_cluster = b"ON CLUSTER '%s'" % cluster.encode() if cluster else None
        self.config = os.path.join(data, "front.xml")
        os.makedirs(data, exist_ok=True)
        with open(self.config, "w") as f:
            f.write(CONFIG % (CLUSTER % (cluster, cluster) if cluster else ""))
        self.session = session.Session(f"{data}/data?config-file={self.config}")
        self.lock = threading.Lock()
        self.spool = os.path.join(data, "bodies")
        os.makedirs(self.spool, exist_ok=True)
        self.database = "default"
        for name, value in settings:
            self.setting(name, value)
        if memory_database:
            self.session.query(f"CREATE DATABASE IF NOT EXISTS {memory_database} ENGINE = Memory")

    def run(self, sql, body, args):
        """The answer to one statement, in bytes; raises RuntimeError with the engine's text."""
        asked = args.get("default_format", "TabSeparated")
        found = FORMAT.search(sql)
        insert = INSERT.match(sql) is not None
        path = None
        if insert and found and body:
            sql, path = self.from_file(sql, found, body)
        elif body:
            sql = sql + b"\n" + body if sql else body
            insert = INSERT.match(sql) is not None
        if self.on_cluster:
            sql = sql.replace(self.on_cluster, b"")
        with self.lock:
            try:
                self.use(args.get("database", "default"))
                params = {n[6:]: v for n, v in args.items() if n.startswith("param_")}
                before = {n: self.setting(n, v) for n, v in args.items()
                          if n not in OWN and not n.startswith("param_")}
                try:
                    result = self.session.query(sql.decode("utf-8", "surrogateescape"), asked,
                                                params=params)
                finally:
                    for name, value in before.items():
                        self.setting(name, value)
            except RuntimeError as error:
                if KAFKA.search(sql) and "Code: 49" in str(error) and "Shutdown was called" in str(error):
                    return b""
                raise
            finally:
                if path:
                    os.unlink(path)
        return result.bytes() or b"" if result is not None else b""

    def setting(self, name, value):
        """Sets it for what follows and returns what it was."""
        was = self.session.query(
            f"SELECT value FROM system.settings WHERE name = {quoted(name)}", "TSVRaw")
        self.session.query(f"SET {name} = {quoted(value)}")
        return was.bytes().decode().rstrip("\n")

    def use(self, database):
        if database != self.database:
            self.session.query(f"USE `{database}`")
            self.database = database

    def from_file(self, sql, found, body):
        """INSERT with its rows apart: the engine takes them from a file."""
        handle, path = tempfile.mkstemp(dir=self.spool)
        with os.fdopen(handle, "wb") as f:
            f.write(body)
        head = sql[: found.start()]
        return head + b" FROM INFILE " + quoted(path).encode() + b" FORMAT " + found.group(1), path


def quoted(text):
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine = None

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path)
        if path.path == "/ping" or (path.path == "/" and not path.query):
            return self.answer(200, b"Ok.\n")
        self.statement(path, b"")

    def do_POST(self):
        path = urllib.parse.urlsplit(self.path)
        self.statement(path, self.body())

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                part = self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
                parts.append(part)
            data = b"".join(parts)
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        return data

    def statement(self, path, body):
        args = dict(urllib.parse.parse_qsl(path.query, keep_blank_values=True,
                                           errors="surrogateescape"))
        if self.headers.get("X-ClickHouse-Database"):
            args.setdefault("database", self.headers["X-ClickHouse-Database"])
        if self.headers.get("X-ClickHouse-Format"):
            args.setdefault("default_format", self.headers["X-ClickHouse-Format"])
        sql = args.get("query", "").encode("utf-8", "surrogateescape")
        try:
            self.answer(200, self.engine.run(sql, body, args))
        except RuntimeError as error:
            text = str(error)
            code = re.search(r"Code: (\d+)", text)
            code = int(code.group(1)) if code else 0
            self.answer(STATUS.get(code, 400 if code in (36, 47, 53, 62, 117) else 500),
                        text.encode() + b"\n", ("X-ClickHouse-Exception-Code", str(code)))

    def answer(self, status, data, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("X-ClickHouse-Server-Display-Name", "chdb-front")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description="loopback HTTP front of chdb (no server)")
    parser.add_argument("--data", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready", help="file that gets the address when statements are taken")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--memory-database", default="", help="made at each start")
    parser.add_argument("--cluster", default="", help="its name; this is its only node")
    args = parser.parse_args()
    data = os.path.abspath(args.data)
    ready = args.ready and os.path.abspath(args.ready)
    os.makedirs(data, exist_ok=True)
    os.chdir(data)  # the engine keeps a cache in its directory
    Handler.engine = Engine(data, [s.split("=", 1) for s in args.setting],
                            args.memory_database, args.cluster)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.daemon_threads = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    if ready:
        with open(ready + ".tmp", "w") as f:
            f.write(f"http://127.0.0.1:{server.server_address[1]}\n")
        os.rename(ready + ".tmp", ready)
    print(f"chdb (not a server) at http://127.0.0.1:{server.server_address[1]}", file=sys.stderr)
    server.serve_forever()


if __name__ == "__main__":
    main()
