#!/usr/bin/env python3
"""The built dashboard in headless Chromium: its numbers are DuckDB's, its filters ask again, it fits.
SPDX-License-Identifier: Apache-2.0

usage: SITE_DIR=analytics/evidence/build DUCKDB_FILE=build/analytics/weir.duckdb site_check.py

Prints 'ok NAME' or 'FAIL NAME: reason' for each test. SHOTS=DIR keeps a picture of each page at each
width. Needs duckdb (of the analytics environment) and chromium. Chromium runs in another time zone
than UTC, so that a time that is not UTC shows.
"""
import os
import re
import signal
import sys
import traceback
from decimal import ROUND_HALF_UP, Decimal

import duckdb

import chromium

WIDTHS = (1440, 390)
failures = 0


def check(name, function):
    global failures
    try:
        reason = function()
    except Exception as error:  # a test that breaks has failed, and the others go on
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    if reason:
        failures += 1
        print(f"FAIL {name}: {str(reason)[:600]}".replace("\n", " "), flush=True)
    else:
        print(f"ok {name}", flush=True)


# The formats of .evidence/customization/custom-formatting.json, by other means.
def scaled(value, steps):
    for least, divisor, digits, unit in steps:
        if value >= least:
            number = Decimal(float(value) / divisor)  # what the page's engine has, and rounds half up
            return f"{number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,}{unit}"
    raise AssertionError


def rate(value):
    return scaled(value, ((1e9, 1e9, 2, " Gbit/s"), (1e6, 1e6, 1, " Mbit/s"), (0, 1e3, 1, " kbit/s")))


def volume(value):
    return scaled(value, ((1e12, 1e12, 2, " TB"), (1e9, 1e9, 1, " GB"), (0, 1e6, 1, " MB")))


def count(value):
    return scaled(value, ((1e9, 1e9, 2, " G"), (1e6, 1e6, 2, " M"), (0, 1, 0, "")))


def share(value):
    return f"{100 * value:.1f}%"


class Checks:
    def __init__(self, site_directory, database):
        self.db = duckdb.connect(database, read_only=True)
        self.db.execute("SET TimeZone = 'UTC'")
        self.site = chromium.Site(site_directory)
        self.browser = chromium.Chromium(self.site)
        self.page = self.browser.open_page(WIDTHS[0])
        self.empty = self.one("SELECT data_until IS NULL FROM data_status")
        self.paths = sorted(
            "/" + os.path.relpath(d, site_directory).strip(".") + "/"
            for d, _, files in os.walk(site_directory) if "index.html" in files)
        self.paths = [p.replace("//", "/") for p in self.paths if not re.match(r"/(settings|explore)/", p)]

    def one(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchone()[0]

    def row(self, sql, *parameters):
        cursor = self.db.execute(sql, parameters)
        return dict(zip([c[0] for c in cursor.description], cursor.fetchone()))

    def rows(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchall()

    # ---- what stands on the page

    def values(self):
        """Title -> text of the large numbers."""
        return dict(self.page.js("""[...document.querySelectorAll('article p')]
            .filter(p => p.nextElementSibling && /text-(xl|2xl|lg)/.test(p.nextElementSibling.className + p.nextElementSibling.innerHTML))
            .map(p => [p.innerText.trim(), p.nextElementSibling.innerText.trim()])"""))

    def table(self, number=0):
        """The lines of a table that is to be seen, as texts."""
        return self.page.js(f"""(() => {{
            const t = [...document.querySelectorAll('article table')].filter(t => t.offsetParent)[{number}];
            return t ? [...t.querySelectorAll('tr')].map(r => [...r.querySelectorAll('td')].map(c => c.innerText.trim())).filter(r => r.length) : [];
        }})()""")

    def settle(self):
        self.page.wait("!document.querySelector('.animate-pulse')", 60)

    def choose(self, title, option):
        """An option of the dropdown under that title."""
        found = self.page.js(f"""(() => {{
            const b = [...document.querySelectorAll('article button[role=combobox], article button[aria-haspopup]')]
                .find(b => b.innerText.trim().startsWith({title!r}) || (b.parentElement.innerText || '').includes({title!r}));
            if (b) b.click();
            return !!b;
        }})()""")
        if not found:
            raise AssertionError(f"no dropdown {title}")
        wanted = f"[...document.querySelectorAll('[role=option]')].find(o => o.innerText.trim() == {option!r})"
        if not self.page.wait(f"!!{wanted}", 20):
            raise AssertionError(f"no option {option} in {title}")
        self.page.js(f"{wanted}.click()")
        self.page.js("document.body.click()")

    def press(self, label):
        found = self.page.js(f"""(() => {{
            const b = [...document.querySelectorAll('article [role=group] button')].find(b => b.innerText.trim() == {label!r});
            if (b) b.click();
            return !!b;
        }})()""")
        if not found:
            raise AssertionError(f"no button {label}")

    # ---- the tests

    def every_page(self, shots):
        """Each page at each width: errors, what is left unloaded, overflow, other hosts."""
        mine = self.page
        of_as = [p for p in self.paths if re.fullmatch(r"/as/.+/", p)]
        paths = [p for p in self.paths if not (os.environ.get("ANALYTICS_QUICK") and p in of_as[1:])]
        for path in paths:
            for width in WIDTHS:
                self.page = self.browser.open_page(width)
                check(f"page {path} at {width} px", lambda: self.one_page(path, width, shots))
                self.page.close()
        self.page = mine

    def one_page(self, path, width, shots):
        if not self.page.go(path):
            return "it does not finish loading: " + str(self.page.js("document.querySelector('article')?.innerText?.slice(0, 200)"))
        self.page.js("window.scrollTo(0, document.body.scrollHeight)")
        self.page.wait("true", 1)
        self.page.js("window.scrollTo(0, 0)")
        if shots:
            self.page.picture(f"{shots}/{(path.strip('/') or 'overview').replace('/', '_').replace(':', '_')}-{width}.png")
        if self.page.foreign():
            return f"it asks {self.page.foreign()[0]}"
        said = self.page.complaints()
        if said:
            return f"the console says: {said[0]}"
        wide = self.page.js("""(() => {
            const main = document.querySelector('main'), root = document.documentElement;
            if (root.scrollWidth > innerWidth) return `the page is ${root.scrollWidth} px wide`;
            if (main.scrollWidth > main.clientWidth + 1) {
                const edge = main.getBoundingClientRect().right;
                const out = [...main.querySelectorAll('*')].find(e => e.getBoundingClientRect().right > edge + 1 && !e.closest('.overflow-x-auto, .overflow-auto, .table-container'));
                return `its content is ${main.scrollWidth} px wide, not ${main.clientWidth}: ${out?.tagName} ${out?.className} ${out?.innerText?.slice(0, 60)}`;
            }
            return '';
        })()""")
        if wide:
            return wide
        if width < 600:  # what a table is about is seen without moving it sideways
            last = 1 if path == "/flows/" else 2
            cut = self.page.js("""[...document.querySelectorAll('article table')].filter(t => t.offsetParent)
                .map(t => [...t.querySelectorAll('tr')].pop().querySelectorAll('td')[Math.min(LAST, t.rows[0].cells.length - 1)])
                .filter(c => c && c.getBoundingClientRect().right > innerWidth).map(c => c.innerText)""".replace("LAST", str(last)))
            if cut:
                return f"column {last + 1} is not to be seen: {cut[0]}"
        text = self.page.js("document.querySelector('article').innerText")
        bad = re.search(r"\b(NaN|undefined|\[object Object\]|Error in|Error:|Binder|Catalog Error|Infinity|SQL syntax)\b.*", text)
        if bad:
            return f"it says '{bad.group(0)[:100]}'"
        if len(text.strip()) < 20:
            return "it is empty"
        return None

    def same(self, what, there, expected):
        return None if there == expected else f"{what}: the page says '{there}', DuckDB '{expected}'"

    def overview(self, where="", *parameters, window="24h"):
        """The large numbers of the overview are those of the traffic tables under the filter."""
        table = "traffic_5m" if window == "24h" else "traffic_hourly"
        want = self.row(f"""
            SELECT sum(t.bytes)::DOUBLE AS bytes, sum(t.flows)::DOUBLE AS flows, count(DISTINCT t.exporter) AS exporters,
                coalesce(sum(t.bytes) FILTER (t.ip_version = 6), 0) / sum(t.bytes) AS ipv6,
                sum(t.bytes) * 8 / any_value(epoch(o.window_until - o.window_from)) AS rate
            FROM {table} t JOIN overview o ON t.period >= o.window_from AND t.period < o.window_until
            WHERE o.time_window = ? {where}""", window, *parameters)
        peak = self.one(f"""
            SELECT max(bytes) * 8 / 3600 FROM (SELECT sum(t.bytes) AS bytes
            FROM {table} t JOIN overview o ON t.period >= o.window_from AND t.period < o.window_until
            WHERE o.time_window = ? {where} GROUP BY date_trunc('hour', t.period))""", window, *parameters)
        there = self.values()
        for title, expected in (("Volume", volume(want["bytes"])), ("Mean rate", rate(want["rate"])), ("Busiest hour", rate(peak)),
                                ("Flows", count(want["flows"])), ("Over IPv6", share(want["ipv6"])), ("Exporters", count(want["exporters"]))):
            if (reason := self.same(title, there.get(title, "").split("\n")[0], expected)):
                return reason
        return None

    def overview_whole(self):
        """Unfiltered, the same numbers stand in the overview mart."""
        self.page.go("/")
        there, want = self.values(), self.row("SELECT * FROM overview WHERE time_window = '24h'")
        reason = self.same("Volume", there["Volume"].split("\n")[0], volume(want["bytes"])) or \
            self.same("Flows", there["Flows"].split("\n")[0], count(want["flows"])) or self.overview()
        if not reason and want["bytes_change"] is not None:
            shown = self.page.js("document.querySelector('article').innerText").replace("−", "-")
            wanted = f"{100 * abs(want['bytes_change']):.1f}%"
            reason = None if wanted in shown else f"no change of {wanted}"
        return reason

    def overview_filtered(self):
        self.page.go("/")
        exporter, name = self.rows("SELECT exporter, exporter_name FROM exporters ORDER BY contains(exporter_name, chr(39)) DESC, bytes DESC LIMIT 1")[0]
        before = self.values()
        self.choose("All exporters", name)
        if not self.page.wait(f"!document.querySelector('.animate-pulse') && document.querySelector('article').innerText.includes({name!r})", 90):
            return "it does not settle"
        if not self.page.wait("[...document.querySelectorAll('article p')].some(p => p.innerText.trim() == 'Exporters' && p.nextElementSibling.innerText.trim() == '1')", 90):
            return "the number of exporters does not become 1"
        if self.values() == before:
            return "nothing changes"
        if (reason := self.overview("AND t.exporter = ?", exporter)):
            return reason
        protocol = self.one("SELECT protocol FROM traffic_hourly WHERE exporter = ? GROUP BY 1 ORDER BY sum(bytes) DESC LIMIT 1", exporter)
        before = self.values()
        self.choose("All protocols", protocol)
        self.page.wait("false", 3)
        self.settle()
        if self.values() == before and self.one("SELECT count(DISTINCT protocol) FROM traffic_5m WHERE exporter = ?", exporter) > 1:
            return "a protocol changes nothing"
        if (reason := self.overview("AND t.exporter = ? AND t.protocol = ?", exporter, protocol)):
            return reason
        self.press("7 days")
        self.page.wait("false", 3)
        self.settle()
        return self.overview("AND t.exporter = ? AND t.protocol = ?", exporter, protocol, window="7d")

    def lines(self, table, expected, what):
        """Each expected line (texts) is a line of the page's table, in that order."""
        there = [tuple(r[:len(e)]) for r, e in zip(table, expected)]
        expected = [tuple(e) for e in expected]
        for shown, wanted in zip(there, expected):
            if shown != wanted:
                return f"{what}: the page says {shown}, DuckDB {wanted}"
        return None if expected and len(there) == len(expected) else f"{what}: {len(there)} lines, not {len(expected)}"

    def talkers(self):
        self.page.go("/talkers/")
        want = self.rows("""SELECT CASE WHEN is_other THEN 'all others' ELSE label END, bytes FROM top_talkers
            WHERE time_window = '24h' AND kind = 'address' AND role = 'src' AND NOT is_other ORDER BY bytes DESC LIMIT 5""")
        reason = self.lines(self.table(), [(l, volume(b)) for l, b in want], "senders")
        if reason:
            return reason
        self.press("AS")
        self.press("Receivers")
        self.press("7 days")
        self.page.wait("false", 3)
        self.settle()
        want = self.rows("""SELECT label, bytes, share FROM top_talkers
            WHERE time_window = '7d' AND kind = 'as' AND role = 'dst' AND NOT is_other ORDER BY bytes DESC LIMIT 5""")
        shown = [(r[0], r[1], r[3]) for r in self.table()]
        return self.lines(shown, [(l, volume(b), share(s)) for l, b, s in want], "AS that receive")

    def protocols(self):
        self.page.go("/protocols/")
        want = self.rows("""SELECT protocol, sum(bytes) FROM protocols WHERE time_window = '24h' GROUP BY 1 ORDER BY 2 DESC""")
        return self.lines(self.table(), [(p, volume(b)) for p, b in want], "protocols")

    def matrix(self):
        self.page.go("/matrix/")
        want = self.rows("""SELECT src_label, dst_label, sum(m.bytes) FROM matrix_hourly m JOIN overview o
            ON m.period >= o.window_from AND m.period < o.window_until AND o.time_window = '24h'
            WHERE kind = 'as' AND NOT is_other GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 5""")
        return self.lines(self.table(), [(s, d, volume(b)) for s, d, b in want], "pairs")

    def interfaces(self):
        self.page.go("/interfaces/")
        want = self.rows("""SELECT exporter, interface_name, direction, bits_per_second, p95_bits_per_second, max_bits_per_second, p95_utilisation
            FROM interface_utilisation WHERE time_window = '24h'
            ORDER BY p95_utilisation DESC NULLS LAST, p95_bits_per_second DESC, exporter, interface, direction LIMIT 6""")
        shown = [(r[0], r[1], r[2], r[5], r[4], r[6], r[3]) for r in self.table()]
        return self.lines(shown, [(e, i, d, rate(m), rate(p), rate(x), share(u) if u is not None else "-") for e, i, d, m, p, x, u in want], "interfaces")

    def exporter_page(self):
        exporter, name = self.rows("SELECT exporter, exporter_name FROM exporters ORDER BY bytes DESC LIMIT 1")[0]
        self.page.go("/exporters/")
        if not self.page.js(f"(() => {{ const r = [...document.querySelectorAll('article table tr')].find(r => r.offsetParent && r.innerText.includes({name!r})); r?.click(); return !!r }})()"):
            return f"no line of {name}"
        if not self.page.wait("location.pathname.split('/')[2] && document.querySelector('article h1') && !document.querySelector('.animate-pulse')", 60):
            return "its line leads nowhere: " + self.page.js("location.pathname")
        want = self.one("""SELECT sum(t.bytes) FROM traffic_5m t JOIN overview o ON t.period >= o.window_from AND t.period < o.window_until
            WHERE o.time_window = '24h' AND t.exporter = ?""", exporter)
        return self.same("Volume", self.values().get("Volume"), volume(want))

    def as_page(self):
        member, label = self.rows("SELECT member, label FROM autonomous_systems ORDER BY bytes_sent + bytes_received DESC LIMIT 1")[0]
        self.page.go(f"/as/{member}/")
        want = {role: self.one("""SELECT coalesce(sum(t.bytes), 0) FROM talkers_hourly t JOIN overview o ON t.period >= o.window_from AND t.period < o.window_until
            WHERE o.time_window = '24h' AND t.kind = 'as' AND t.role = ? AND t.member = ?""", role, member) for role in ("src", "dst")}
        there = self.values()
        return self.same("title", self.page.js("document.querySelector('article h1:last-of-type').innerText"), label) or \
            self.same("Sent", there.get("Sent", "").split("\n")[0], volume(want["src"])) or \
            self.same("Received", there.get("Received", "").split("\n")[0], volume(want["dst"]))

    def quoted(self):
        """A name that would end a string in SQL is a name like others, in every filter."""
        exporter, name = self.rows("SELECT exporter, exporter_name FROM exporters WHERE contains(exporter, chr(39)) ORDER BY bytes DESC LIMIT 1")[0]
        self.page.go("/interfaces/")
        self.choose("All exporters", name)
        self.page.wait("false", 3)
        self.settle()
        shown = {r[0] for r in self.table()}
        if shown != {exporter}:
            return f"interfaces of {shown}, not of {exporter}"
        if self.page.complaints():
            return self.page.complaints()[0]
        self.page.go("/exporters/" + re.sub(r"[^A-Za-z0-9._:-]", "-", exporter) + "/")
        if self.page.js("document.querySelector('article h1:last-of-type').innerText") != name:
            return "its page has another title"
        return "; ".join(self.page.complaints()[:1]) or None

    def each_has_its_page(self):
        exporters = self.rows("SELECT regexp_replace(exporter, '[^A-Za-z0-9._:-]', '-', 'g') FROM exporters")
        systems = self.rows("SELECT member FROM autonomous_systems ORDER BY bytes_sent + bytes_received DESC, as_number LIMIT 100")
        wanted = {f"/exporters/{e}/" for e, in exporters} | {f"/as/{m}/" for m, in systems}
        missing = sorted(wanted - set(self.paths))
        return f"no page {missing[:5]}" if missing else None

    def flows(self):
        self.page.go("/flows/")
        columns = """SELECT strftime(start_time, '%m-%d %H:%M:%S'), src_addr, src_port, dst_addr, dst_port, ip_version, bytes, packets FROM recent_flows"""

        def shown():
            return [(r[0], r[1], r[2], r[5], r[6]) for r in self.table()]

        def wanted(rows):
            def end(address, port, version):
                return address if port == "0" else f"[{address}]:{port}" if version == 6 else f"{address}:{port}"
            return [(w[0], end(w[1], w[2], w[5]), end(w[3], w[4], w[5]), volume(w[6]), count(w[7])) for w in rows]

        reason = self.lines(shown(), wanted(self.rows(columns + " ORDER BY position LIMIT 10")), "flows")
        if reason:
            return reason
        protocol = self.one("SELECT protocol FROM recent_flows GROUP BY 1 ORDER BY count(*) LIMIT 1")
        self.choose("All protocols", protocol)
        self.page.wait("false", 3)
        self.settle()
        return self.lines(shown(), wanted(self.rows(columns + " WHERE protocol = ? ORDER BY position LIMIT 5", protocol)), f"flows of {protocol}")

    def times(self):
        """In UTC, wherever the browser is."""
        self.page.go("/")
        want = self.one("SELECT strftime(data_until, '%Y-%m-%d %H:%M') FROM data_status")
        text = self.page.js("document.querySelector('article').innerText")
        return None if f"{want} UTC" in text else f"no '{want} UTC'"

    def map(self):
        self.page.go("/countries/")
        if not self.page.wait("!!document.querySelector('.world-map canvas, .world-map svg')", 20):
            return "no map is drawn"
        want = self.rows("""SELECT label, bytes FROM top_talkers WHERE time_window = '24h' AND kind = 'country' AND role = 'src' AND NOT is_other ORDER BY bytes DESC LIMIT 3""")
        return self.lines(self.table(), [(l, volume(b)) for l, b in want], "countries")

    def nothing_yet(self):
        self.page.go("/")
        text = self.page.js("document.querySelector('article').innerText")
        return None if "No flows yet" in text and "ipfix_pipeline.py" in text else "it does not say so"

    def nobody_else(self):
        return f"asked for: {sorted(set(self.site.server.foreign))[:5]}" if self.site.server.foreign else None

    def nothing_missing(self):
        return f"not there: {sorted(set(self.site.server.missing))[:5]}" if self.site.server.missing else None

    def bounded(self):
        """What a first visit of the overview costs."""
        self.site.server.sent = 0
        self.page.call("Network.clearBrowserCache")
        self.page.go("/")
        mb = self.site.server.sent / 1e6
        print(f"the overview takes {mb:.1f} MB on a first visit", file=sys.stderr)
        return None if mb < 40 else f"{mb:.0f} MB"

    def run(self, shots):
        check("there are pages", lambda: None if len(self.paths) >= 9 else str(self.paths))
        self.every_page(shots)
        if self.empty:
            check("without data the site says that there is nothing yet", self.nothing_yet)
        else:
            check("each exporter and the greatest AS have their pages", self.each_has_its_page)
            check("the overview's numbers are DuckDB's", self.overview_whole)
            check("the overview's filters ask again, and the numbers are DuckDB's", self.overview_filtered)
            if self.one("SELECT count(*) FROM exporters WHERE contains(exporter, chr(39))"):
                check("an exporter with a quote in its name can be chosen", self.quoted)
            else:
                print("SKIP an exporter with a quote in its name can be chosen: none has one", flush=True)
            check("talkers are DuckDB's, and change with kind, way and time", self.talkers)
            check("protocols are DuckDB's", self.protocols)
            check("the matrix is DuckDB's", self.matrix)
            check("utilisation and 95th percentiles are DuckDB's", self.interfaces)
            check("a line of the exporters leads to the exporter's page", self.exporter_page)
            check("the page of an AS has DuckDB's numbers", self.as_page)
            check("recent flows are DuckDB's, and are filtered", self.flows)
            check("times are UTC in another time zone", self.times)
            check("the map is drawn, its numbers are DuckDB's", self.map)
        check("the overview's first visit is bounded", self.bounded)
        check("every file that is asked for is there", self.nothing_missing)
        check("nothing is asked of another host", self.nobody_else)


def main():
    try:
        site, database = os.environ["SITE_DIR"], os.environ["DUCKDB_FILE"]
    except KeyError:
        sys.exit(__doc__)
    shots = os.environ.get("SHOTS")
    if shots:
        os.makedirs(shots, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a time limit leaves no browser behind
    checks = Checks(os.path.abspath(site), database)
    try:
        checks.run(shots)
    finally:
        checks.browser.close()
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()
