"""Asks routes on the platforms' development servers: dev_servers.py PROJECT VERCEL DEV_PROGRAM."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

from stack import PROCESSOR_TOKEN, Stack, call, free_port, main

PROJECT, VERCEL, DEV = sys.argv[1:4]
ROOT = pathlib.Path(__file__).parent.parent.parent
AUDIT_JOB = {"type": "audit_log_created", "payload": {"eventData": {"action": "development"}}}
# Each compiles a function when it is asked for it first.
PATIENCE_S = 300


@contextlib.contextmanager
def server(name, command, folder, port, variables):
    """Runs a server until its user is done. It has to end by itself when it is told to, and to leave the port."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
            print(f"{name}: started, asked and stopped in {time.monotonic() - started:.0f} s")
        except BaseException:
            log.seek(0)
            print(log.read(), file=sys.stderr)
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def check_gone(checks, name, port):
    with socket.socket() as probe:
        checks.that(f"{name} has left its port", port, probe.connect_ex(("127.0.0.1", port)) != 0)


def check_routes(checks, name, site):
    """The same questions to both: `site` makes a route's address of its path and the name of its function."""
    health = call(site("/api/health", "health"), "GET", timeout=PATIENCE_S)
    checks.equal(f"health on {name}", (health.status, health.json["status"]), (200, "ok"))
    wrong = call(site("/api/health", "health"), "DELETE")
    checks.equal(f"DELETE /api/health on {name}", (wrong.status, wrong.json["code"], wrong.headers["allow"]), (405, "method_not_allowed", "GET, HEAD"))
    made = call(site("/api/jobs/enqueue", "jobs-enqueue"), "POST", AUDIT_JOB, PROCESSOR_TOKEN, timeout=PATIENCE_S)
    checks.equal(f"a job on {name}", made.status, 201)
    job = made.json["jobId"]
    seen = call(site(f"/api/jobs/{job}", "jobs-id"), "GET", None, PROCESSOR_TOKEN, timeout=PATIENCE_S)
    checks.equal(f"the job on {name}", (seen.status, seen.json["status"]), (200, "pending"))


def run(checks):
    stack = Stack(DEV)
    variables = stack.variables()
    try:
        port = free_port()
        command = [VERCEL, "dev", "--local", "--yes", "--listen", f"127.0.0.1:{port}"]
        with server("vercel dev", command, PROJECT, port, variables) as url:
            check_routes(checks, "vercel dev", lambda path, _: url + path)
        check_gone(checks, "vercel dev", port)

        port = free_port()
        command = ["cargo", "lambda", "watch", "--ignore-changes", "--invoke-address", "127.0.0.1", "--invoke-port", str(port)]
        with server("cargo lambda watch", command, ROOT / "functions", port, variables) as url:
            check_routes(checks, "cargo lambda watch", lambda path, function: f"{url}/lambda-url/{function}{path}")
        check_gone(checks, "cargo lambda watch", port)
    finally:
        stack.stop()
    print("development servers: both served the routes")


main(run)
