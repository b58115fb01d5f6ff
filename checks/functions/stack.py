"""What the functions of both platforms are checked against: the local stack, a partner's server that can be slow, and a count."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROCESSOR_TOKEN = "check-processor-token"
CRON_SECRET = "check-cron-secret"
WEBHOOK_JOB = {
    "type": "webhook_escrow_status_changed",
    "payload": {"escrowId": "esc-1", "statusBefore": "authorized", "statusAfter": "released", "occurredAt": 1800000000000},
}
MAIL_JOB = {
    "type": "send_release_email",
    "payload": {"transactionId": "esc-1", "recipientEmail": "user@example.com", "amount": 10000, "currency": "usd"},
}


class Failed(Exception):
    """Something is not as it should be."""


class Checks:
    """Counts what was seen to be right, and ends at the first thing that was not."""

    def __init__(self):
        self.passed = 0

    def that(self, what, found, holds):
        if not holds:
            raise Failed(f"{what}: found {found!r}")
        self.passed += 1

    def equal(self, what, found, expected):
        if found != expected:
            raise Failed(f"{what}: found {found!r}, expected {expected!r}")
        self.passed += 1


class Partner:
    """The server that webhooks go to. It answers after `delay` seconds and keeps what it was sent, by webhook id."""

    def __init__(self):
        partner = self
        self.delay, self.received, self.woken = 0.0, [], 0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/wake":
                    partner.woken += 1
                else:
                    partner.received.append(self.headers["webhook-id"])
                time.sleep(partner.delay)
                try:
                    self.send_response(204)
                    self.end_headers()
                except OSError:
                    pass  # The sender's time was over.

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Stack:
    """The local stack without its cron, and the variables that reach it."""

    def __init__(self, program):
        arguments = ["--no-cron", "--port=0", "--rest-port=0", f"--processor-token={PROCESSOR_TOKEN}", f"--cron-secret={CRON_SECRET}"]
        self.process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = ""
        for line in self.process.stdout:
            said += line
            if "Ctrl-C stops everything" in line:
                break
        else:
            raise Failed("the stack did not start")
        self.site = re.search(r"Routes +(http://[\d.:]+)", said)[1]
        self.rest, self.rest_token = re.search(r"Upstash REST +(\S+) +token (\S+)", said).groups()
        self.partner = Partner()
        self.orders = 0

    def variables(self):
        return {
            "KV_REST_API_URL": self.rest,
            "KV_REST_API_TOKEN": self.rest_token,
            "JOB_PROCESSOR_SECRET_TOKEN": PROCESSOR_TOKEN,
            "CRON_SECRET": CRON_SECRET,
            "EMAIL_FROM": "Holdfast <holdfast@example.com>",
            "RESEND_API_KEY": "re_dev",
            "RESEND_WEBHOOK_SECRET": "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==",
            "RESEND_BASE_URL": f"{self.site}/dev/resend",
            "WEBHOOK_URL": f"http://{self.partner.address}/in",
            "WEBHOOK_SIGNING_SECRET": "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==",
            "WEBHOOK_ALLOW_PRIVATE": self.partner.address,
            "STRIPE_SECRET_KEY": "sk_test_dev",
            "STRIPE_BASE_URL": f"{self.site}/dev/stripe/api",
            "STRIPE_WEBHOOK_SECRET": "whsec_check",
        }

    def enqueue(self, job):
        """Enqueues past the functions, so that what they do is seen alone."""
        answer = call(f"{self.site}/api/jobs/enqueue", "POST", job, PROCESSOR_TOKEN)
        return answer.json["jobId"]

    def job(self, job_id):
        return call(f"{self.site}/api/jobs/{job_id}", "GET", None, PROCESSOR_TOKEN).json

    def cancel(self, job_id):
        return call(f"{self.site}/api/jobs/{job_id}", "DELETE", None, PROCESSOR_TOKEN).json

    def drain(self):
        """Has what is due done, so that the next check meets its own jobs alone."""
        while call(f"{self.site}/api/jobs/process", "POST", {"action": "process-batch"}, PROCESSOR_TOKEN).json["processed"]:
            pass

    def order(self):
        """A request to `/api/escrow/create`, body and headers; each is another order."""
        self.orders += 1
        order = {
            "amount": 10000, "currency": "usd", "buyerEmail": "buyer@example.com", "sellerEmail": "seller@example.com",
            "paymentMethod": "pm_card_visa",
        }
        return order, {"authorization": "Bearer dev-partner-key", "idempotency-key": f"order-{self.orders}"}

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Front:
    """One address for all functions, as a deployment has: `answer` gets a function's path, and the method, path, headers and body."""

    def __init__(self, paths, answer):
        def function(path):
            path = path.split("?")[0]
            if path in paths:
                return path
            patterns = {known: re.sub(r"{\w+}|\[\w+\]", "[^/]+", known) for known in paths}
            return next((known for known, pattern in patterns.items() if re.fullmatch(pattern, path)), None)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, headers, text = answer(function(self.path), self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                for name in ("content-type", "retry-after", "x-request-id"):
                    if name in headers:
                        self.send_header(name, headers[name])
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def smoke(checks, paths, answer):
    """Takes a whole escrow through the functions, with the test that does so at a deployment."""
    keys = {"SMOKE_API_KEY": "dev-partner-key", "SMOKE_ADMIN_KEY": "dev-admin-key", "SMOKE_PROCESSOR_TOKEN": PROCESSOR_TOKEN}
    command = ["cargo", "test", "--quiet", "--locked", "-p", "holdfast", "--test", "it", "smoke"]
    front = Front(paths, answer)
    done = subprocess.run(
        command, cwd=pathlib.Path(__file__).parent.parent.parent, env=os.environ | keys | {"SMOKE_URL": front.url},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    front.server.shutdown()
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    checks.that("a whole escrow by SMOKE_URL", done.returncode, done.returncode == 0 and "1 passed" in done.stdout)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


def call(url, method, body=None, token=None, headers=None, timeout=70):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        return Answer(answer.code, answer.headers, answer.read())


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def main(run):
    """Runs the checks and says how many there were."""
    checks = Checks()
    try:
        run(checks)
    except Failed as failure:
        print(f"FAILED after {checks.passed} checks: {failure}", file=sys.stderr)
        sys.exit(1)
    print(f"{checks.passed} passed, 0 failed")
