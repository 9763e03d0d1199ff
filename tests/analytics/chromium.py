"""A headless Chromium behind its DevTools pipe, and the site that it looks at: for site_check.py.
SPDX-License-Identifier: Apache-2.0

All that Chromium asks for goes through a proxy on loopback, which answers for the site and for
nothing else, and keeps what else was asked for: no page, worker or extension gets past it.
"""
import base64
import http.server
import json
import mimetypes
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

# What Chromium asks of its maker by itself, with no page open; flags turn off the most of it.
OWN = ("accounts.google.com:443", "update.googleapis.com:443", "http://clients2.google.com/time/",
       "POST http://update.googleapis.com/service/update2", "POST https://update.googleapis.com/service/update2")
mimetypes.add_type("application/wasm", ".wasm")
mimetypes.add_type("text/javascript", ".js")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def refuse(self, what, status=502):
        if not what.startswith(OWN):
            self.server.foreign.append(what)
        self.close_connection = True
        self.send_error(status)

    def do_CONNECT(self):
        self.refuse(self.path)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.netloc not in ("", f"127.0.0.1:{self.server.server_address[1]}"):
            return self.refuse(self.path)
        path = os.path.normpath(self.server.directory + urllib.parse.unquote(url.path))
        if os.path.isdir(path):
            path = os.path.join(path, "index.html")
        if not path.startswith(self.server.directory) or not os.path.isfile(path):
            self.server.missing.append(url.path)
            return self.send_error(404)
        with open(path, "rb") as f:
            data = f.read()
        whole, status = len(data), 200
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and "," not in wanted:  # as object stores do
            first, last = wanted[6:].split("-")
            begin = int(first) if first else max(0, whole - int(last))
            end = min(int(last) if first and last else whole - 1, whole - 1)
            data, status = data[begin:end + 1], 206
        self.server.sent += len(data)
        self.send_response(status)
        self.send_header("Content-Type", mimetypes.guess_type(path)[0] or "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{begin + len(data) - 1}/{whole}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_HEAD = do_GET

    def do_POST(self):
        self.refuse("POST " + self.path, 405)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a page that is left does not wait for its files


class Site:
    """The built site at http://127.0.0.1:PORT/, from its root."""

    def __init__(self, directory):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.directory = os.path.abspath(directory)
        self.server.foreign, self.server.missing, self.server.sent = [], [], 0
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Chromium:
    """The browser; pages of it come from open_page()."""

    def __init__(self, site):
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if not program:
            raise RuntimeError("no chromium: apt-get install chromium")
        self.site = site
        self.profile = tempfile.mkdtemp(prefix="weir-chromium.")
        # Chromium reads file descriptor 3 and writes 4.
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        arguments = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            f"--user-data-dir={self.profile}", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync",
            "--disable-domain-reliability", "--disable-dev-shm-usage", "--metrics-recording-only",
            "--disable-features=BackForwardCache,OptimizationHints,MediaRouter,Translate,DialMediaRouteProvider,AutofillServerCommunication",
            "--force-prefers-reduced-motion", "--hide-scrollbars",
            f"--proxy-server=http://127.0.0.1:{site.port}", "--proxy-bypass-list=<-loopback>", "about:blank",
        ]

        def descriptors():
            os.setsid()
            os.dup2(read_there, 113)
            os.dup2(write_there, 114)
            os.dup2(113, 3)
            os.dup2(114, 4)

        self.process = subprocess.Popen(arguments, preexec_fn=descriptors, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "TZ": "America/New_York"})
        os.close(read_there)
        os.close(write_there)
        self.reader, self.writer = read_here, write_here
        self.buffer, self.last, self.events = b"", 0, []

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self, until):
        """One message, or None when it is later than `until`."""
        while b"\0" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.reader], [], [], left)[0]:
                return None
            data = os.read(self.reader, 1 << 20)
            if not data:
                raise RuntimeError("Chromium ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, params=None, session=None, timeout=60):
        self.last += 1
        number = self.last
        message = {"id": number, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data):]
        until = time.monotonic() + timeout
        while (answer := self.receive(until)) is not None:
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)
        raise TimeoutError(f"{method}: no answer in {timeout} s")

    def open_page(self, width, height=900):
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        return Page(self, target, session, width, height)


class Page:
    def __init__(self, browser, target, session, width, height):
        self.browser, self.target, self.session, self.width = browser, target, session, width
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def call(self, method, params=None, timeout=60):
        return self.browser.call(method, params, self.session, timeout)

    def close(self):
        self.browser.call("Target.closeTarget", {"targetId": self.target})

    def js(self, expression):
        answer = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", "script failed"))
        return answer["result"].get("value")

    def wait(self, expression, seconds=60):
        """Until the expression is true and stays so for a moment."""
        until, since = time.monotonic() + seconds, None
        while time.monotonic() < until:
            try:
                held = self.js(expression)
            except RuntimeError:  # between two documents
                held = False
            if not held:
                since = None
            elif since is None:
                since = time.monotonic()
            elif time.monotonic() - since >= 0.4:
                return True
            time.sleep(0.1)
        return False

    def go(self, path, seconds=60):
        self.browser.events.clear()
        self.call("Page.navigate", {"url": self.browser.site.url + path})
        return self.wait("""document.readyState == 'complete' && !!document.querySelector('main article')
            && !document.querySelector('.animate-pulse') && document.fonts.status == 'loaded'""", seconds)

    def resize(self, width, height=900):
        self.width = width
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def foreign(self):
        """What the page asked of another host since go()."""
        asked = [e["params"]["request"]["url"] for e in self.browser.events if e["method"] == "Network.requestWillBeSent"]
        return [u for u in asked if not u.startswith((self.browser.site.url + "/", "data:", "blob:"))]

    def complaints(self):
        """What the console and the log say of errors since go()."""
        said = []
        for event in self.browser.events:
            params = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                said.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
                said.append(" ".join(str(a.get("value", a.get("description", ""))) for a in params["args"]))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                said.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        return [s[:300] for s in said]

    def picture(self, path, whole=True):
        height = self.js("Math.max(900, Math.min(6000, document.documentElement.scrollHeight))") if whole else 900
        data = self.call("Page.captureScreenshot", {
            "format": "png", "captureBeyondViewport": whole,
            "clip": {"x": 0, "y": 0, "width": self.width, "height": height, "scale": 1}})["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
