#!/usr/bin/env python3
"""Gives an unsigned token to whoever posts the right client identity and secret.

SPDX-License-Identifier: Apache-2.0
usage: token_issuer.py IDENTITY SECRET-FILE    prints its port, then serves until it is ended
"""
import base64
import http.server
import json
import sys
import time


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class Issuer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != login:
            self.answer(401, {"error": "invalid_client"})
            return
        now = int(time.time())
        claims = {"sub": sys.argv[1], "iat": now, "exp": now + 3600, "scope": "kafka"}
        token = part({"alg": "none"}) + "." + part(claims) + "."
        self.answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


with open(sys.argv[2]) as f:
    secret = f.readline().strip()
login = "Basic " + base64.b64encode(f"{sys.argv[1]}:{secret}".encode()).decode()
server = http.server.HTTPServer(("127.0.0.1", 0), Issuer)
print(server.server_address[1], flush=True)
server.serve_forever()
