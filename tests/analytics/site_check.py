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
import sys
import traceback

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
            return f"{value / divisor:,.{digits}f}{unit}"
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
        return dict(self.page.js("""[...document.querySelectorAll('article [data-bigvalue], article .bigvalue')].map(x => [])""") or
                    self.page.js("""[...document.querySelectorAll('article p')].filter(p => p.nextElementSibling && /text-(xl|2xl|lg)/.test(p.nextElementSibling.className + p.nextElementSibling.innerHTML)).map(p => [p.innerText.trim(), p.nextElementSibling.innerText.trim()])"""))

    def table(self, number=0):
        """The lines of a table as texts."""
        return self.page.js(f"""(() => {{
            const t = document.querySelectorAll('article table')[{number}];
            return t ? [...t.querySelectorAll('tbody tr')].map(r => [...r.querySelectorAll('td')].map(c => c.innerText.trim())) : [];
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
