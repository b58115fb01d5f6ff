"""Looks at what `vercel build` made and runs each executable as the platform does: vercel.py PROJECT DEV_PROGRAM PANICS."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from stack import CRON_SECRET, MAIL_JOB, PROCESSOR_TOKEN, WEBHOOK_JOB, Stack, call, main, smoke

PROJECT = pathlib.Path(sys.argv[1])
OUTPUT = PROJECT / ".vercel/output"
TOO_LARGE = b"x" * (300 * 1024)
TOO_LARGE_TO_ENQUEUE = b"x" * (4200 * 1024)


class Function:
    """One executable, started as the platform starts it."""

    def __init__(self, path, variables, ipc=None, stderr=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {"PATH": os.environ["PATH"], "VERCEL_DEV_PORT": str(port), **variables}
        if ipc:
            environment["VERCEL_IPC_PATH"] = ipc
        self.process = subprocess.Popen([path], env=environment, stdout=subprocess.DEVNULL, stderr=stderr)
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.005)
        raise RuntimeError(f"{path} ended with {self.process.returncode}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)


def functions():
    """Every function's path as callers see it, `/api/jobs/[id]`, with its folder."""
    root = OUTPUT / "functions"
    return {f"/{folder.relative_to(root)}".removesuffix(".func"): folder for folder in sorted(root.rglob("*.func"))}


def sources():
    found = PROJECT.glob("api/**/*.rs")
    paths = [path.relative_to(PROJECT) for path in found]
    return {f"/{path}".removesuffix(".rs") for path in paths if not any(part.startswith("_") for part in path.parts)}


def check_output(checks):
    found = functions()
    checks.equal("a function for each source", set(found), sources())
    config = json.loads((OUTPUT / "config.json").read_text())
    checks.equal("crons", config["crons"], json.loads((PROJECT / "vercel.json").read_text())["crons"])
    for path, folder in found.items():
        settings = json.loads((folder / ".vc-config.json").read_text())
        checks.equal(f"{path}: maxDuration", settings["maxDuration"], 60 if path == "/api/jobs/process" else 15)
        checks.that(f"{path}: executable", folder, os.access(folder / "executable", os.X_OK))
        if "[" in path:
            pattern = "^" + re.sub(r"\[[^]]+\]", "([^/]+)", path) + "$"
            routed = [route.get("src") for route in config["routes"]]
            checks.that(f"{path}: a route {pattern}", routed, pattern in routed)
    static = sorted(str(path.relative_to(OUTPUT / "static")) for path in (OUTPUT / "static").rglob("*") if path.is_file())
    checks.equal("static files", static, ["index.html"])


def check_route(checks, path, executable, variables):
    """What every route does, whatever it is for."""
    concrete = re.sub(r"\[[^]]+\]", "job-1800000000000-abcdefghi", path)
    with Function(executable, variables) as function:
        refused = call(function.url + concrete, "PATCH", b"{}", PROCESSOR_TOKEN)
        checks.equal(f"PATCH {path}", (refused.status, refused.json["code"]), (405, "method_not_allowed"))
        checks.equal(f"PATCH {path}: type", refused.headers["content-type"], "application/problem+json")
        methods = refused.headers["allow"].split(", ")
        checks.that(f"PATCH {path}: Allow", methods, set(methods) <= {"GET", "HEAD", "POST", "PUT", "DELETE"} and methods)
        for method in methods:
            if method == "POST":
                large = call(function.url + concrete, method, TOO_LARGE_TO_ENQUEUE if path == "/api/jobs/enqueue" else TOO_LARGE, PROCESSOR_TOKEN)
                checks.equal(f"{path}: a body that is too large", (large.status, large.json["code"]), (413, "body_too_large"))
            answer = call(function.url + concrete, method, b"{}" if method == "POST" else None)
            checks.that(f"{method} {path} without a token", answer.status, answer.status < 500 and answer.status != 405)
            checks.that(f"{method} {path}: request id", answer.headers, answer.headers["x-request-id"])
    with Function(executable, {}) as function:
        bare = call(function.url + concrete, methods[0], None, PROCESSOR_TOKEN)
        checks.equal(f"{methods[0]} {path} without variables", (bare.status, bare.json["code"]), (503, "not_configured"))
        checks.that(f"{path}: names what is missing", bare.json["detail"], "_" in bare.json["detail"])
    checks.equal(f"{path}: end by SIGTERM", function.process.returncode, 0)


def check_jobs(checks, found, stack):
    """A job through its routes: enqueued by one executable, seen by the next, worked off by the last."""
    variables = stack.variables()
    executable = {path: folder / "executable" for path, folder in found.items()}
    with Function(executable["/api/health"], variables) as function:
        health = call(f"{function.url}/api/health", "GET")
        checks.equal("health", (health.status, health.json["status"]), (200, "ok"))
    with Function(executable["/api/jobs/enqueue"], variables) as function:
        url = f"{function.url}/api/jobs/enqueue"
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: call(url, "POST", MAIL_JOB, PROCESSOR_TOKEN), range(64)))
        checks.equal("64 requests in one process, 16 at once", {answer.status for answer in answers}, {201})
        ids = [answer.json["jobId"] for answer in answers]
        checks.equal("64 jobs", len(set(ids)), 64)
    with Function(executable["/api/jobs/[id]"], variables) as function:
        answer = call(f"{function.url}/api/jobs/{ids[0]}?id={ids[0]}", "GET", None, PROCESSOR_TOKEN)
        checks.equal("GET /api/jobs/{id}", (answer.status, answer.json["status"]), (200, "pending"))
    with Function(executable["/api/jobs/process"], variables) as function:
        url = f"{function.url}/api/jobs/process"
        wrong = call(url, "GET", None, "wrong-token", {"user-agent": "vercel-cron/1.0"})
        checks.equal("cron with a wrong secret", (wrong.status, wrong.json["code"]), (401, "wrong_token"))
        cron = call(url, "GET", None, CRON_SECRET, {"user-agent": "vercel-cron/1.0", "x-vercel-cron-schedule": "* * * * *"})
        checks.equal("Vercel Cron's GET", (cron.status, cron.json["completed"]), (200, 64))
        stack.enqueue(WEBHOOK_JOB)
        marks = {"ce-id": "1", "ce-vssscheduledat": "2026-11-24T00:00:00Z", "ce-vssschedulename": "process"}
        scheduled = call(url, "POST", b"", CRON_SECRET, marks)
        checks.equal("Vercel Schedules' POST", (scheduled.status, scheduled.json["completed"]), (200, 1))
        checks.equal("the webhook", len(stack.partner.received), 1)
        statistics = call(url, "GET", None, PROCESSOR_TOKEN)
        checks.equal("statistics", (statistics.status, statistics.json["send_release_email"]), (200, 0))


def check_end(checks, executable, stack):
    """The platform ends the process while a batch runs: the batch is ended, its caller answered, and then the process."""
    stack.partner.delay = 1.5
    job = stack.enqueue(WEBHOOK_JOB)
    before = len(stack.partner.received)
    with Function(executable, stack.variables()) as function, concurrent.futures.ThreadPoolExecutor(1) as pool:
        batch = pool.submit(call, f"{function.url}/api/jobs/process", "GET", None, CRON_SECRET)
        while len(stack.partner.received) == before:
            time.sleep(0.01)
        function.process.send_signal(signal.SIGTERM)
        checks.equal("a batch under way at SIGTERM", batch.result().json["completed"], 1)
        checks.equal("the end after it", function.process.wait(5), 0)
    checks.equal("its job", stack.job(job)["status"], "completed")
    stack.partner.delay = 0.0


def check_wake(checks, executable, stack):
    """The processor is woken after the answer: where the process is ended in between, it still is, and is waited for."""
    stack.partner.delay = 0.5
    variables = stack.variables() | {"JOB_PROCESSOR_URL": f"http://{stack.partner.address}/wake"}
    order, headers = stack.order()
    with Function(executable, variables) as function:
        started = time.monotonic()
        answer = call(f"{function.url}/api/escrow/create", "POST", order, None, headers)
        answered = time.monotonic() - started
        function.process.send_signal(signal.SIGTERM)
        checks.equal("the end after what was left to do", function.process.wait(5), 0)
        ended = time.monotonic() - started
    checks.equal("an escrow", (answer.status, answer.json["status"]), (201, "authorized"))
    checks.equal("calls that wake the processor", stack.partner.woken, 1)
    checks.that("the end waits for its answer, and the caller does not", (answered, ended), ended - answered > 0.3)
    stack.partner.delay = 0.0
    stack.drain()


def check_panics(checks, executable, variables):
    """A handler that panics: each caller gets a clean document, and the process serves on."""
    quiet = Function(executable, variables, stderr=subprocess.DEVNULL)
    with quiet as function, concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda _: call(f"{function.url}/api/panics", "GET"), range(32)):
            checks.equal("a panic", (answer.status, answer.json["code"]), (500, "internal"))
            checks.equal("a panic: type", answer.headers["content-type"], "application/problem+json")
            checks.that("a panic says no more", answer.body, b"secret" not in answer.body)
        after = call(f"{function.url}/api/panics", "PATCH", b"{}")
        checks.equal("the process after 32 panics", after.status, 405)
    checks.equal("its end by SIGTERM", function.process.returncode, 0)


def check_smoke(checks, found, stack):
    with contextlib.ExitStack() as running:
        functions = {}

        def answer(path, method, target, headers, body):
            if path not in functions:
                functions[path] = running.enter_context(Function(found[path] / "executable", stack.variables()))
            headers = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
            answer = call(functions[path].url + target, method, body if method == "POST" else None, None, headers)
            return answer.status, answer.headers, answer.body

        smoke(checks, found, answer)


def check_hobby(checks, found, variables):
    """The Hobby plan's one function: every route by its own path, and nothing elsewhere."""
    output = PROJECT / ".vercel/output-hobby"
    functions = list((output / "functions").rglob("*.func"))
    checks.equal("functions on the Hobby plan", len(functions), 1)
    config = json.loads((output / "config.json").read_text())
    checks.equal("its crons", config["crons"], [{"path": "/api/jobs/process", "schedule": "0 5 * * *"}])
    name = str(functions[0].relative_to(output / "functions")).removesuffix(".func")
    routed = [route["dest"].lstrip("/") for route in config["routes"] if re.fullmatch(route.get("src") or "-", "/api/jobs/process")]
    checks.equal("its function gets what is under /api", routed, [name])
    static = sorted(str(path.relative_to(output / "static")) for path in (output / "static").rglob("*") if path.is_file())
    checks.equal("its static files", static, ["public/index.html"])
    allowed = {}
    with Function(functions[0] / "executable", variables) as function:
        for path in found:
            refused = call(function.url + re.sub(r"\[[^]]+\]", "job-1800000000000-abcdefghi", path), "PATCH", b"{}", PROCESSOR_TOKEN)
            checks.equal(f"PATCH {path} on the Hobby plan", (refused.status, refused.json["code"]), (405, "method_not_allowed"))
            allowed[path] = refused.headers["allow"]
        checks.equal("GET /api/health on the Hobby plan", call(f"{function.url}/api/health", "GET").json["status"], "ok")
        nowhere = call(f"{function.url}/api/nowhere", "GET")
        checks.equal("a path of no route", (nowhere.status, nowhere.json["code"]), (404, "no_such_route"))
    for path, folder in found.items():
        with Function(folder / "executable", variables) as function:
            answer = call(function.url + re.sub(r"\[[^]]+\]", "job-1800000000000-abcdefghi", path), "PATCH", b"{}", PROCESSOR_TOKEN)
            checks.equal(f"methods of {path}", allowed[path], answer.headers["allow"])


def check_messages(checks, executable, stack):
    """What the platform is told over its socket: that the server is up, and that each request is over."""
    path = str(PROJECT / "ipc")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    received = bytearray()

    def receive():
        connection, _ = listener.accept()
        while data := connection.recv(4096):
            received.extend(data)

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    with Function(executable, stack.variables(), ipc=path) as function:
        headers = {"x-vercel-internal-invocation-id": "invocation-1", "x-vercel-internal-request-id": "7"}
        checks.equal("a request with an invocation", call(f"{function.url}/api/health", "GET", None, None, headers).status, 200)
    thread.join(5)
    messages = [json.loads(message) for message in received.split(b"\0") if message]
    ends = [message["payload"]["context"] for message in messages if message["type"] == "end"]
    checks.equal("the first message", messages[0]["type"], "server-started")
    checks.equal("the end of the request", ends, [{"invocationId": "invocation-1", "requestId": 7}])


def run(checks):
    check_output(checks)
    found = functions()
    stack = Stack(sys.argv[2])
    try:
        for path, folder in found.items():
            check_route(checks, path, folder / "executable", stack.variables())
        check_jobs(checks, found, stack)
        stack.partner.received.clear()
        check_end(checks, found["/api/jobs/process"] / "executable", stack)
        check_wake(checks, found["/api/escrow/create"] / "executable", stack)
        check_messages(checks, found["/api/health"] / "executable", stack)
        check_panics(checks, sys.argv[3], stack.variables())
        check_smoke(checks, found, stack)
        check_hobby(checks, found, stack.variables())
    finally:
        stack.stop()
    print(f"vercel: {len(found)} functions built, run and ended")


main(run)
