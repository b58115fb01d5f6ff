"""Runs the resident worker against a redis-server that speaks TLS: rediss.py HOLDFAST UPSTASH.

The worker's roots are compiled in. That it trusts this run's authority is done to a copy of it; the one that refuses is as it was built.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from local_tls import Authority
from stack import free_port, main

HOLDFAST, UPSTASH = sys.argv[1:3]
PASSWORD = "check-password"
PATIENCE_S = 20


def wait_until(holds, process, what):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"not in time: {what}")
        time.sleep(0.02)


def open_at(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def holdfast(*arguments, variables):
    """The command line as an operator uses it, over REST."""
    done = subprocess.run([HOLDFAST, "--json", *arguments], env=variables, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise SystemExit(f"holdfast {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout)


class Worker:
    def __init__(self, program, url, folder):
        environment = {"PATH": os.environ["PATH"], "REDIS_URL": url}
        self.log = folder / f"{pathlib.Path(program).name}.log"
        with self.log.open("w") as log:
            command = [program, "--json", "work", "--type", "audit_log_created"]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def run(checks):
    authority = Authority()
    secure, plain, rest = free_port(), free_port(), free_port()
    redis = subprocess.Popen(
        ["redis-server", "--port", str(plain), "--tls-port", str(secure), "--bind", "127.0.0.1", "--tls-cert-file", authority.chain, "--tls-key-file",
         authority.key, "--tls-ca-cert-file", authority.ca, "--tls-auth-clients", "no", "--requirepass", PASSWORD, "--save", "", "--dir", str(authority.folder)],
        stdout=subprocess.DEVNULL,
    )
    processes = [redis]
    try:
        wait_until(lambda: open_at(secure), redis, "redis-server listens")
        front = subprocess.Popen(
            [UPSTASH, "--port", str(rest), "--token", "check-token", "--redis-url", f"redis://:{PASSWORD}@127.0.0.1:{plain}"],
            stdout=subprocess.DEVNULL,
        )
        processes.append(front)
        wait_until(lambda: open_at(rest), front, "the REST server listens")
        variables = {"KV_REST_API_URL": f"http://127.0.0.1:{rest}", "KV_REST_API_TOKEN": "check-token"}
        payload = json.dumps({"eventData": {"action": "rediss"}})
        job = holdfast("enqueue", "audit_log_created", payload, variables=variables)["jobId"]

        url = f"rediss://:{PASSWORD}@localhost:{secure}"
        refuses = Worker(HOLDFAST, url, authority.folder)
        processes.append(refuses.process)
        wait_until(lambda: any("certificate is not trusted" in line.get("error", "") for line in refuses.lines()), refuses.process, "the worker says that it does not trust the certificate")
        text = refuses.log.read_text()
        checks.that("what it says has neither password nor address", text, PASSWORD not in text and "localhost" not in text)
        checks.equal("it goes on trying, and ends when it is told to", refuses.stop(), 0)
        checks.equal("its job is untouched", holdfast("job", job, variables=variables)["status"], "pending")

        works = Worker(authority.trusting(HOLDFAST), url, authority.folder)
        processes.append(works.process)
        wait_until(lambda: holdfast("job", job, variables=variables)["status"] == "completed", works.process, "the job is done over TLS")
        checks.equal("the worker's end", works.stop(), 0)
    except BaseException:
        for log in authority.folder.glob("*.log"):
            print(log.name, log.read_text(), file=sys.stderr)
        raise
    finally:
        for process in reversed(processes):
            if process.poll() is None:
                process.kill()
            process.wait()
    print("rediss: a job was done over TLS; a certificate that is not trusted was refused")


main(run)
