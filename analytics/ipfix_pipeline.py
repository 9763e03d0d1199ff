#!/usr/bin/env python3
"""From Parquet in the bucket to the dashboard in another: dbt, Evidence, rclone, as a Prefect flow.
SPDX-License-Identifier: Apache-2.0

  dbt build              new Parquet files into the marts, one DuckDB file
  npm run sources        the marts into what the pages read
  npm run build:strict   the site, in analytics/evidence/build
  rclone copy            the site to r2:ipfix-analytics; then objects of earlier sites, by age

A step that fails ends the run: its last lines are shown, its log is kept, and the site in the
bucket stays as it was, because nothing is copied before all of the new one has been built. The next run
goes on where this one stopped. Nothing new in the bucket and nothing changed in the project: no run.
"""
import argparse
import contextlib
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PYTHON = HERE / ".venv/bin/python"
EVIDENCE = HERE / "evidence"
DEFAULT_SECONDS = {"dbt build": 3600, "npm run sources": 1200, "npm run build:strict": 3600, "rclone copy": 3600,
                   "rclone delete": 1800}
READS_NOTHING = ("AWS_", "R2_", "RCLONE_")  # what a step need not know begins like this


class Failure(Exception):
    """What the operator is told; `tail` are the last lines of the step."""

    def __init__(self, what, tail=()):
        super().__init__(what)
        self.tail = list(tail)


def arguments():
    p = argparse.ArgumentParser(
        description=__doc__.split("\nSPDX")[0], formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Settings come from the environment, or else from conf/envs/*.env (NAME=VALUE, see\n"
               "conf.example/envs/analytics.env): EXPORT_S3_ENDPOINT, EXPORT_S3_BUCKET, AWS_ACCESS_KEY_ID,\n"
               "AWS_SECRET_ACCESS_KEY to read flows; R2_ENDPOINT, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY to write\n"
               "the site. Exit status: 0 done or nothing new, 1 a step failed, 2 wrong usage, 3 another run is on.")
    p.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    p.add_argument("--force", action="store_true", help="run even when nothing is new")
    p.add_argument("--serve", action="store_true", help="run again and again, until SIGINT or SIGTERM")
    p.add_argument("--every", type=int, default=900, metavar="SECONDS", help="with --serve: how often (900)")
    p.add_argument("--to", metavar="REMOTE:BUCKET",
                   help="where the site goes, as rclone names it (ANALYTICS_DESTINATION, or else r2:ipfix-analytics)")
    p.add_argument("--keep-days", type=float, default=7, metavar="DAYS",
                   help="objects of earlier sites go when they are older than that (7)")
    p.add_argument("--retries", type=int, default=1, metavar="N", help="how often a failed step is tried again (1)")
    p.add_argument("--retry-delay", type=float, default=20, metavar="SECONDS", help="and after how long (20)")
    p.add_argument("--timeout", type=int, metavar="SECONDS", help="for each step (20 minutes to 1 hour)")
    p.add_argument("--envs", type=pathlib.Path, default=ROOT / "conf/envs", metavar="DIR",
                   help="directory of *.env files (conf/envs)")
    p.add_argument("--state", type=pathlib.Path, default=ROOT / "build/analytics", metavar="DIR",
                   help="logs, the DuckDB file unless ANALYTICS_DUCKDB names it, what was published (build/analytics)")
    a = p.parse_args()
    if a.every < 1 or a.retries < 0 or a.keep_days < 0 or (a.timeout is not None and a.timeout < 1):
        p.error("--every and --timeout are at least 1, --retries and --keep-days at least 0")
    return a


def settings(options):
    """The environment of the steps: *.env files below, the process's own above."""
    found = {}
    for path in sorted(options.envs.glob("*.env")) if options.envs.is_dir() else []:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            name, equals, value = line.partition("=")
            if not equals or not name.replace("_", "").isalnum():
                raise Failure(f"{path}:{number}: '{name}' is not NAME=VALUE")
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            found[name] = value
    env = {**found, **os.environ}
    options.to = options.to or env.get("ANALYTICS_DESTINATION") or "r2:ipfix-analytics"
    if ":" not in options.to or options.to.endswith(":"):
        raise Failure(f"the destination is '{options.to}': a remote and a bucket are wanted, as r2:ipfix-analytics")
    state = options.state.resolve()
    database = ROOT / (env.get("ANALYTICS_DUCKDB") or state / "weir.duckdb")
    env.update(
        ANALYTICS_DUCKDB=str(database), DBT_PROFILES_DIR=str(HERE / "dbt"), DBT_PROJECT_DIR=str(HERE / "dbt"),
        DBT_TARGET_PATH=str(state / "dbt"), DBT_LOG_PATH=str(state / "log"), DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        DBT_USE_COLORS="false", DUCKDB_EXTENSIONS=env.get("DUCKDB_EXTENSIONS") or str(HERE / ".venv/extensions"),
        EVIDENCE_SOURCE__marts__filename=os.path.relpath(database, EVIDENCE / "sources/marts"),
        SEND_ANONYMOUS_USAGE_STATS="no", DO_NOT_TRACK="1", NO_COLOR="1", CI="1")
    env.setdefault("NODE_OPTIONS", "--max-old-space-size=4096")
    # rclone's remote "r2" is made of these, unless it has a configuration of its own.
    for name, value in (("TYPE", "s3"), ("PROVIDER", env.get("R2_PROVIDER", "Cloudflare")), ("REGION", "auto"),
                        ("ENDPOINT", env.get("R2_ENDPOINT")), ("ACCESS_KEY_ID", env.get("R2_ACCESS_KEY_ID")),
                        ("SECRET_ACCESS_KEY", env.get("R2_SECRET_ACCESS_KEY")), ("NO_CHECK_BUCKET", "true")):
        if env.get("R2_ENDPOINT") and value:
            env.setdefault(f"RCLONE_CONFIG_R2_{name}", value)
    env.pop("AWS_CA_BUNDLE", None)  # rclone 1.60 ends over it
    return env


# ---- What is new

LAST_FILE = "select coalesce(max(file_id), 0) from {} where loaded_at is not null"


def flows_url(env):
    """As dbt's macro of that name."""
    prefix = env.get("EXPORT_S3_PREFIX", "").strip("/")
    bucket = f"s3://{env.get('EXPORT_S3_BUCKET') or 'ipfix'}/"
    return env.get("ANALYTICS_FLOWS") or f"{bucket}{prefix + '/' if prefix else ''}**/*.parquet"


def look(env):
    """(files in the bucket, those of them that no run has read, last file that was read)."""
    try:
        import duckdb
    except ImportError:
        raise Failure("not set up; run `make analytics`") from None

    def quoted(text):
        return "'" + text.replace("'", "''") + "'"

    url = flows_url(env)
    c = duckdb.connect(config={"extension_directory": env["DUCKDB_EXTENSIONS"]})
    try:
        if url.startswith("s3:"):
            endpoint = env.get("EXPORT_S3_ENDPOINT") or "http://127.0.0.1:9000"
            c.load_extension("httpfs")
            c.execute(f"""create secret (type s3, key_id {quoted(env.get('AWS_ACCESS_KEY_ID', ''))},
                secret {quoted(env.get('AWS_SECRET_ACCESS_KEY', ''))}, url_style path,
                region {quoted(env.get('EXPORT_S3_REGION') or 'us-east-1')},
                endpoint {quoted(endpoint.split('://')[-1].rstrip('/'))},
                use_ssl {'true' if endpoint.startswith('https://') else 'false'})""")
        files = "select file from glob(?)"
        total, = c.execute(f"select count(*) from ({files})", [url]).fetchone()
        if not os.path.exists(env["ANALYTICS_DUCKDB"]):
            return total, total, 0
        c.execute(f"attach {quoted(env['ANALYTICS_DUCKDB'])} as marts (read_only)")
        if not c.execute("select 1 from duckdb_tables() where database_name = 'marts' and table_name = 'stg_files'"
                         ).fetchone():
            return total, total, 0
        new, = c.execute(f"""select count(*) from ({files}) where file not in
            (select file_name from marts.stg_files where loaded_at is not null)""", [url]).fetchone()
        last, = c.execute(LAST_FILE.format("marts.stg_files")).fetchone()
        return total, new, last
    except duckdb.Error as e:
        raise Failure(f"{url} cannot be listed: {str(e).splitlines()[0]}") from None
    finally:
        c.close()


def project_sum():
    """Changes when a model or a page does."""
    total = hashlib.sha256()
    for top in (HERE / "dbt", EVIDENCE):
        for directory, names, files in os.walk(top):
            # Of .evidence what Evidence itself writes does not count, customization does.
            names[:] = sorted(n for n in names if n not in (
                "node_modules", "build", "target", "logs", "template", "meta"))
            for name in sorted(files):
                path = pathlib.Path(directory, name)
                total.update(f"{path.relative_to(HERE)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


def published(options):
    try:
        return json.loads((options.state / "published.json").read_text())
    except (OSError, ValueError):
        return {}


# ---- Steps

class Run:
    """One run of the flow: its options, the environment of its steps, and how they are told of."""

    def __init__(self, options, env):
        self.options, self.env, self.begin = options, env, time.monotonic()
        self.log = options.state / "log"
        self.log.mkdir(parents=True, exist_ok=True)

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:5.0f} s] {text}", file=sys.stderr, flush=True)

    def step(self, name, command, cwd=ROOT, suffix="", without=()):
        """Runs a command to its end; its output goes to a log. `without`: credentials that are not its business."""
        path = self.log / f"{name.replace(' ', '-').replace(':', '-')}{suffix}.log"
        limit = self.options.timeout or DEFAULT_SECONDS[name]
        env = {k: v for k, v in self.env.items() if not k.startswith(tuple(without))}
        with open(path, "wb") as log:
            try:
                child = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=subprocess.STDOUT, start_new_session=True)
            except OSError as e:
                raise Failure(f"{name}: {command[0]}: {e.strerror}; `make analytics` installs what is needed") from None
            why = None
            try:
                status = child.wait(limit)
                if status:
                    why = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
            except subprocess.TimeoutExpired:
                why = f"was stopped after {limit} s"
            finally:
                if child.poll() is None or why:  # with all that it started
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        if why:
            lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
            raise Failure(f"{name} {why}; all of it is in {path}", lines[-20:])
        return path

    # Each of these is a task of the flow.

    def dbt(self):
        dbt = HERE / ".venv/bin/dbt"
        self.step("dbt build", [str(dbt), "build", "--no-use-colors"], HERE / "dbt", without=READS_NOTHING[1:])

    def sources(self):
        self.step("npm run sources", ["npm", "run", "sources"], EVIDENCE, without=READS_NOTHING)

    def build(self):
        self.step("npm run build:strict", ["npm", "run", "build:strict"], EVIDENCE, without=READS_NOTHING)
        if not (EVIDENCE / "build/index.html").is_file():
            raise Failure("npm run build:strict: there is no build/index.html, though it ended well")

    def publish(self):
        """What pages need goes first, the pages last; what the browser may keep is told."""
        to, build = self.options.to, str(EVIDENCE / "build")
        common = ["rclone", "copy", build, to, "--checksum", "--no-update-modtime", "--transfers", "8", "--retries", "3",
                  "--stats", "0"]
        for number, (filters, cache) in enumerate((
                (["--include", "/_app/immutable/**"], "public, max-age=31536000, immutable"),
                (["--exclude", "/_app/immutable/**", "--exclude", "*.html"], "no-cache"),
                (["--include", "*.html"], "no-cache"))):
            self.step("rclone copy", common + filters + ["--header-upload", f"Cache-Control: {cache}"],
                      suffix=f"-{number + 1}", without=("AWS_",))

    def clean(self):
        """Objects that are not of this site and older than --keep-days. rclone follows the listing's pages."""
        listing = self.step("rclone delete", ["rclone", "lsf", "--recursive", "--files-only", "--format", "tp",
                                              "--separator", "\t", "--use-server-modtime", self.options.to],
                            suffix="-list", without=("AWS_",))
        build = EVIDENCE / "build"
        site = {str(p.relative_to(build)) for p in build.rglob("*") if p.is_file()}
        limit = datetime.datetime.now() - datetime.timedelta(days=self.options.keep_days)
        old = []
        for line in listing.read_text().splitlines():
            when, tab, name = line.partition("\t")
            if tab and name not in site and datetime.datetime.fromisoformat(when) < limit:
                old.append(name)
        if old:
            names = self.log / "old-objects"
            names.write_text("".join(f"{name}\n" for name in old))
            self.step("rclone delete", ["rclone", "delete", self.options.to, "--files-from-raw", str(names)],
                      without=("AWS_",))
        return len(old)


def run_flow(run):
    """The flow, by Prefect. True: the site is published; False: nothing was new."""
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE

    options = run.options

    def as_task(name, work):
        @task(name=name, retries=options.retries, retry_delay_seconds=options.retry_delay, persist_result=False,
              cache_policy=NO_CACHE)
        def one():
            begin = time.monotonic()
            try:
                result = work()
            except Failure as e:
                run.say(f"{name}: failed: {str(e).split(';')[0]}")
                raise
            run.say(f"{name}: {time.monotonic() - begin:.0f} s")
            return result
        return one

    @flow(name="ipfix", persist_result=False)
    def ipfix():
        project = project_sum()
        total, new, last = as_task("look", lambda: look(run.env))()
        before = {"file": last, "project": project, "to": options.to,
                  "endpoint": run.env.get("RCLONE_CONFIG_R2_ENDPOINT", "")}
        if not new and published(options) == before and not options.force:
            run.say(f"nothing is new: {total} files in {flows_url(run.env)}, all of them read and published")
            return False
        run.say(f"{new} of {total} files in {flows_url(run.env)} are new")
        as_task("dbt build", run.dbt)()
        if marts(run.env, "select flows from data_status") == 0:
            run.say("no flows yet: the site will say so, and what to do")
        as_task("npm run sources", run.sources)()
        as_task("npm run build:strict", run.build)()
        as_task("rclone copy", run.publish)()
        old = as_task("clean", run.clean)()
        after = {**before, "file": marts(run.env, LAST_FILE.format("stg_files"))}
        path = options.state / "published.json"
        path.with_suffix(".tmp").write_text(json.dumps(after))
        path.with_suffix(".tmp").replace(path)
        run.say(f"the site is in {options.to}; {old} objects of earlier sites were removed")
        return True

    return ipfix()


def marts(env, query):
    """The first value of its answer."""
    import duckdb
    with duckdb.connect(env["ANALYTICS_DUCKDB"], read_only=True) as c:
        return c.execute(query).fetchone()[0]


# ---- From the command line

def check(env):
    """What is missing, before anything is begun."""
    if not (HERE / ".venv/bin/dbt").exists() or (EVIDENCE / "package.json").exists() and not (
            EVIDENCE / "node_modules").is_dir():
        raise Failure("not set up; run `make analytics`")
    if not (EVIDENCE / "package.json").exists():
        raise Failure(f"{EVIDENCE} is not there")
    for program in ("npm", "rclone"):
        if not shutil.which(program, path=env.get("PATH")):
            raise Failure(f"no {program}; run `make analytics`")


def dry_run(options, env):
    try:
        total, new, _ = look(env)
        print(f"flows:       {flows_url(env)}: {total} files, {new} of them new")
    except Failure as e:
        print(f"flows:       {e}")
    print(f"marts:       {env['ANALYTICS_DUCKDB']}")
    print(f"site:        {EVIDENCE / 'build'}")
    print(f"destination: {options.to}" + (f" at {env['R2_ENDPOINT']}" if env.get("R2_ENDPOINT") else ""))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"):
        print(f"{name}: {'set' if env.get(name) else 'not set'}")
    print("steps:       look, dbt build, npm run sources, npm run build:strict, rclone copy, "
          f"remove objects older than {options.keep_days:g} days that are not of the site")
    print(f"each step:   {options.retries + 1} attempts, {options.timeout or 'up to 3600'} s")


def once(options, env):
    """One run under the lock. The exit status."""
    pathlib.Path(env["ANALYTICS_DUCKDB"]).parent.mkdir(parents=True, exist_ok=True)
    lock = ROOT / "build/analytics/pipeline.lock"  # of the tree: there is one evidence/build
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("ipfix_pipeline: another run is on", file=sys.stderr)
            return 3
        try:
            run_flow(Run(options, env))
        except RuntimeError as e:
            raise Failure(f"Prefect: {e}") from e
        return 0


def tell(failure):
    for line in failure.tail:
        print(f"  | {line}", file=sys.stderr)
    print(f"ipfix_pipeline: {failure}", file=sys.stderr, flush=True)


def interrupt(_number, _frame):
    raise KeyboardInterrupt


def serve(options, env):
    """Again and again. With a Prefect server each run is seen there; none is needed."""
    print(f"ipfix_pipeline: a run every {options.every} s", file=sys.stderr, flush=True)
    try:
        while True:
            signal.signal(signal.SIGTERM, interrupt)  # Prefect's own comes and goes with each run
            begin = time.monotonic()
            try:
                once(options, env)
            except Failure as e:
                tell(e)  # and the next run comes all the same
            time.sleep(max(0.0, options.every - (time.monotonic() - begin)))
    except KeyboardInterrupt:
        print("ipfix_pipeline: stopped", file=sys.stderr)
        return 0


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, interrupt)
    state = options.state.resolve()
    os.environ.setdefault("PREFECT_HOME", str(state / "prefect"))
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "300")  # on a busy machine
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    if not os.environ.get("PREFECT_API_URL"):
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # what is to be said is said here
    try:
        env = settings(options)
        if options.dry_run:
            dry_run(options, env)
            return 0
        check(env)
        return serve(options, env) if options.serve else once(options, env)
    except Failure as e:
        tell(e)
        return 1
    except KeyboardInterrupt:
        print("ipfix_pipeline: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    # Run with any Python, it goes on with the one that has what it needs.
    if PYTHON.exists() and pathlib.Path(sys.prefix).resolve() != (HERE / ".venv").resolve():
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    sys.exit(main())
