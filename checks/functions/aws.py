"""Runs each function that `sam build` made under AWS' emulator: aws.py BUILD EMULATOR DEV_PROGRAM PANICS.

The emulator answers 200 whatever happens, so bodies are read, never statuses.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from stack import CRON_SECRET, MAIL_JOB, PROCESSOR_TOKEN, WEBHOOK_JOB, Failed, Stack, main, smoke

BUILD = pathlib.Path(sys.argv[1])
EVENTS = pathlib.Path(__file__).parent.parent.parent / "events"
SCHEDULES = ["scheduler.json", "rule.json"]
JOB_ID = "job-1800000000000-abcdefghi"


def event(name):
    return json.loads((EVENTS / name).read_text())


def http_api(path, method, body="", headers=None):
    """API Gateway's event of an HTTP API, version 2.0."""
    made = event("http-api.json")
    made.update(rawPath=path, body=body, isBase64Encoded=False, headers=headers or {})
    made["requestContext"]["http"].update(path=path, method=method)
    return made


def rest_api(path, method, body="", headers=None):
    """API Gateway's event of a REST API, version 1.0, whose stage stands before the path in one field."""
    made = event("rest-api.json")
    headers = headers or {}
    made.update(path=path, httpMethod=method, body=body, isBase64Encoded=False, headers=headers)
    made["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    made["requestContext"].update(path=f"/prod{path}", httpMethod=method)
    return made


def bearer(token):
    return {"authorization": f"Bearer {token}"}


class Emulator:
    """One function under the emulator: a cold start each."""

    def __init__(self, bootstrap, variables, timeout=15):
        ports = []
        with contextlib.ExitStack() as sockets:
            for _ in range(2):
                free = sockets.enter_context(socket.socket())
                free.bind(("127.0.0.1", 0))
                ports.append(free.getsockname()[1])
        invoke, runtime = (f"127.0.0.1:{port}" for port in ports)
        self.url = f"http://{invoke}/2015-03-31/functions/function/invocations"
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            **variables,
        }
        arguments = ["--runtime-interface-emulator-address", invoke, "--runtime-api-address", runtime]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.argv[2], *arguments, "--log-level", "info", str(bootstrap)],
            env=environment, stdout=self.log, stderr=self.log, start_new_session=True,
        )
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", ports[0]), 1).close()
                return
            except OSError:
                time.sleep(0.005)
        raise RuntimeError(f"the emulator ended with {self.process.returncode}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def invoke(self, sent):
        request = urllib.request.Request(self.url, data=json.dumps(sent).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=70) as answer:
            return answer.read().decode()

    def http(self, sent):
        """An answer as API Gateway takes it: status, headers, body."""
        answer = json.loads(self.invoke(sent))
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        headers |= {name.lower(): values[0] for name, values in (answer.get("multiValueHeaders") or {}).items()}
        return answer["statusCode"], headers, json.loads(answer["body"])

    def scheduled(self, name="scheduler.json"):
        """The answer to a schedule's event: nobody takes it but whoever invoked the function."""
        return json.loads(self.invoke(event(name)))

    def bootstrap(self):
        """The function's own process."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return int(next(filter(None, (path.read_text().split()[:1] for path in children)))[0])


def functions(template):
    """Every function's binary with its path, as the built template has them."""
    text = template.read_text()
    found = {}
    for block in re.split(r"^  (?=\w+:\n)", text, flags=re.MULTILINE):
        name, path = re.match(r"(\w+Function):", block), re.search(r"\bPath: [\"']?(/[^\s\"',]+)", block)
        if name and path:
            found[path[1]] = BUILD / name[1] / "bootstrap"
    return found


def check_route(checks, path, bootstrap, variables):
    """What every route does, whatever it is for, by either gateway."""
    concrete = re.sub(r"{\w+}", JOB_ID, path)
    with Emulator(bootstrap, variables) as function:
        for gateway in (http_api, rest_api):
            said = f"{path} by {gateway.__name__}"
            status, headers, body = function.http(gateway(concrete, "PATCH", "{}", bearer(PROCESSOR_TOKEN)))
            checks.equal(f"PATCH {said}", (status, body["code"]), (405, "method_not_allowed"))
            checks.equal(f"PATCH {said}: type", headers["content-type"], "application/problem+json")
            methods = headers["allow"].split(", ")
            checks.that(f"PATCH {said}: Allow", methods, set(methods) <= {"GET", "HEAD", "POST", "PUT", "DELETE"} and methods)
            for method in methods:
                if method == "POST":
                    too_large = (4200 if path == "/api/jobs/enqueue" else 300) * 1024
                    status, _, body = function.http(gateway(concrete, method, "x" * too_large, bearer(PROCESSOR_TOKEN)))
                    checks.equal(f"{said}: a body that is too large", (status, body["code"]), (413, "body_too_large"))
                answer = json.loads(function.invoke(gateway(concrete, method)))
                checks.that(f"{method} {said} without a token", answer, answer["statusCode"] < 500)
    with Emulator(bootstrap, {}) as function:
        status, _, body = function.http(http_api(concrete, methods[0], "", bearer(PROCESSOR_TOKEN)))
        checks.equal(f"{methods[0]} {path} without variables", (status, body["code"]), (503, "not_configured"))


def check_jobs(checks, found, stack):
    """A job through its routes, and the processor by its schedule."""
    variables = stack.variables()
    with Emulator(found["/api/health"], variables) as function:
        for gateway in (http_api, rest_api):
            status, _, body = function.http(gateway("/api/health", "GET"))
            checks.equal("health", (status, body["status"]), (200, "ok"))
    with Emulator(found["/api/jobs/enqueue"], variables) as function:
        status, _, body = function.http(http_api("/api/jobs/enqueue", "POST", json.dumps([MAIL_JOB] * 20), bearer(PROCESSOR_TOKEN)))
        checks.equal("enqueue", (status, len(body)), (201, 20))
    with Emulator(found["/api/jobs/{id}"], variables) as function:
        job = body[0]["jobId"]
        for gateway in (http_api, rest_api):
            status, _, body = function.http(gateway(f"/api/jobs/{job}", "GET", "", bearer(PROCESSOR_TOKEN)))
            checks.equal("GET /api/jobs/{id}", (status, body["status"]), (200, "pending"))
    with Emulator(found["/api/jobs/process"], variables, timeout=60) as function:
        for name, expected in zip(SCHEDULES, (20, 1)):
            checks.equal(f"the schedule's {name}", function.scheduled(name).get("completed"), expected)
            stack.enqueue(WEBHOOK_JOB)
        status, _, body = function.http(http_api("/api/jobs/process", "GET", "", bearer(CRON_SECRET)))
        checks.equal("an outside cron's GET", (status, body["completed"]), (200, 1))
        status, _, body = function.http(http_api("/api/jobs/process", "POST", "{}"))
        checks.equal("POST without a token", (status, body["code"]), (401, "no_token"))


def check_wake(checks, bootstrap, stack):
    """The processor is woken before the answer, since nothing runs after it."""
    variables = stack.variables() | {"JOB_PROCESSOR_URL": f"http://{stack.partner.address}/wake"}
    order, headers = stack.order()
    with Emulator(bootstrap, variables) as function:
        status, _, body = function.http(http_api("/api/escrow/create", "POST", json.dumps(order), headers))
    checks.equal("an escrow", (status, body["status"]), (201, "authorized"))
    checks.equal("calls that wake the processor", stack.partner.woken, 1)
    stack.drain()


def check_panics(checks, bootstrap, variables):
    """A handler that panics: a clean document each time, from one process that goes on."""
    with Emulator(bootstrap, variables) as function:
        first = None
        for gateway in (http_api, rest_api, http_api):
            status, headers, body = function.http(gateway("/api/panics", "GET"))
            checks.equal("a panic", (status, body["code"]), (500, "internal"))
            checks.equal("a panic: type", headers["content-type"], "application/problem+json")
            checks.that("a panic says no more", body, "secret" not in json.dumps(body))
            first = first or function.bootstrap()
            checks.equal("the process after a panic", function.bootstrap(), first)


def check_smoke(checks, found, stack):
    with contextlib.ExitStack() as running:
        functions, one_at_a_time = {}, threading.Lock()

        def answer(path, method, target, headers, body):
            # The emulator does not survive two calls at once.
            with one_at_a_time:
                if path not in functions:
                    functions[path] = running.enter_context(Emulator(found[path], stack.variables(), timeout=60))
                headers = {name.lower(): value for name, value in headers.items()}
                answer = json.loads(functions[path].invoke(http_api(target, method, body.decode(), headers)))
            answered = {name.lower(): value for name, value in answer["headers"].items()}
            return answer["statusCode"], answered, answer["body"].encode()

        smoke(checks, found, answer)


def check_deadline(checks, bootstrap, stack):
    """A handler that does not end: the time box ends it, and the batch is settled and answered before the limit."""
    stack.partner.delay = 30
    job = stack.enqueue(WEBHOOK_JOB)
    with Emulator(bootstrap, stack.variables(), timeout=10) as function:
        started = time.monotonic()
        body = function.scheduled()
        took = time.monotonic() - started
    checks.equal("a batch with a handler that hangs", body.get("retried"), 1)
    checks.that("its end, with a margin before the limit of 10 s", took, took < 6)
    checks.equal("its job waits for its next attempt", stack.job(job)["status"], "failed")
    checks.equal("it is taken back", stack.cancel(job)["status"], "cancelled")
    print(f"time box: a handler of 30 s under a limit of 10 s: answered after {took:.1f} s, its job waits for its next attempt")


def check_kill(checks, bootstrap, stack):
    """A function that is killed at its limit, with a job in its hands: the job comes back when its lease has lapsed."""
    stack.partner.delay = 30
    job = stack.enqueue(WEBHOOK_JOB)
    received = len(stack.partner.received)
    killed = []
    with Emulator(bootstrap, stack.variables(), timeout=9) as function:
        thread = threading.Thread(target=lambda: killed.append(function.invoke(event("scheduler.json"))))
        thread.start()
        while len(stack.partner.received) == received:
            if not thread.is_alive():
                raise Failed(f"a function at its limit: it ended before its handler began: {killed!r}")
            time.sleep(0.01)
        claimed = time.monotonic()
        # Stopped, it cannot end in time by itself; the emulator ends it as the platform would.
        os.kill(function.bootstrap(), signal.SIGSTOP)
        thread.join()
    checks.that("a function at its limit", killed, "timed out" in killed[0])
    checks.equal("its job is in nobody's hands", stack.job(job)["status"], "processing")
    stack.partner.delay = 0.0
    with Emulator(bootstrap, stack.variables(), timeout=60) as function:
        while True:
            body = function.scheduled()
            if body["completed"] or time.monotonic() - claimed > 40:
                break
            checks.equal("nobody else gets it while the lease holds", body["processed"], 0)
            time.sleep(1)
    back = time.monotonic() - claimed
    found = stack.job(job)
    checks.equal("the job after its lease", (found["status"], found["attemptCount"]), ("completed", 2))
    print(f"kill at the limit: {killed[0].strip()!r}; the job came back and was done {back:.0f} s after its claim, on attempt 2")


def run(checks):
    found = functions(pathlib.Path(__file__).parent.parent.parent / "template.yaml")
    checks.equal("a build for each function", {path.parent.name for path in found.values()}, {path.parent.name for path in BUILD.glob("*/bootstrap")})
    stack = Stack(sys.argv[3])
    try:
        for path, bootstrap in found.items():
            check_route(checks, path, bootstrap, stack.variables())
        check_jobs(checks, found, stack)
        check_wake(checks, found["/api/escrow/create"], stack)
        check_panics(checks, sys.argv[4], stack.variables())
        check_smoke(checks, found, stack)
        check_deadline(checks, found["/api/jobs/process"], stack)
        check_kill(checks, found["/api/jobs/process"], stack)
    finally:
        stack.stop()
    print(f"aws: {len(found)} functions built and run by both gateways and the schedule")


main(run)
