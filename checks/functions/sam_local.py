"""Runs functions by `sam local` in Docker: sam_local.py TEMPLATE DEV_PROGRAM GATEWAY.

`sam local invoke` ends with 0 whatever happened, so what it prints is read.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from stack import PROCESSOR_TOKEN, Stack, call, main

TEMPLATE = sys.argv[1]
EVENTS = pathlib.Path(__file__).parent.parent.parent / "events"
AUDIT_JOB = {"type": "audit_log_created", "payload": {"eventData": {"action": "sam local"}}}
# As the stack was built; its default is another.
OPTIONS = ["-t", TEMPLATE, "--skip-pull-image", "--parameter-overrides", "Architecture=x86_64"]
# What containers reach the host by.
GATEWAY = sys.argv[3]


def relay(port):
    """Carries connections from the bridge to a server that listens on this machine alone; returns its address there."""
    listener = socket.create_server((GATEWAY, 0))

    def carry(source, sink):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    def accept():
        while True:
            inside, _ = listener.accept()
            outside = socket.create_connection(("127.0.0.1", port))
            for pair in ((inside, outside), (outside, inside)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"{GATEWAY}:{listener.getsockname()[1]}"


def invoke(function, event, variables):
    """Invokes a function once and returns its answer: the last line that is JSON."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(event, file)
        file.flush()
        command = ["sam", "local", "invoke", function, *OPTIONS, "-e", file.name, "--env-vars", variables]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise RuntimeError(f"sam local invoke {function}: no answer\n{done.stdout}\n{done.stderr}")


def check_invoke(checks, stack, variables):
    health = json.loads((EVENTS / "http-api.json").read_text())
    health.update(rawPath="/api/health")
    health["requestContext"]["http"].update(path="/api/health", method="GET")
    answer = invoke("HealthFunction", health, variables)
    checks.equal("sam local invoke HealthFunction", (answer["statusCode"], json.loads(answer["body"])["status"]), (200, "ok"))
    job = stack.enqueue(AUDIT_JOB)
    answer = invoke("JobsProcessFunction", json.loads((EVENTS / "scheduler.json").read_text()), variables)
    checks.equal("sam local invoke JobsProcessFunction", (answer.get("processed"), answer.get("completed")), (1, 1))
    checks.equal("its job", stack.job(job)["status"], "completed")


def check_api(checks, variables):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = ["sam", "local", "start-api", *OPTIONS, "--port", port, "--env-vars", variables]
    # What a shell starts in the background ignores Ctrl-C, and hands that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            for _ in range(600):
                try:
                    socket.create_connection(("127.0.0.1", int(port)), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            url = f"http://127.0.0.1:{port}"
            health = call(f"{url}/api/health", "GET")
            checks.equal("GET /api/health by sam local start-api", (health.status, health.json["status"]), (200, "ok"))
            wrong = call(f"{url}/api/health", "DELETE")
            checks.equal("DELETE /api/health", (wrong.status, wrong.json["code"], wrong.headers["allow"]), (405, "method_not_allowed", "GET, HEAD"))
            made = call(f"{url}/api/jobs/enqueue", "POST", AUDIT_JOB, PROCESSOR_TOKEN)
            checks.equal("POST /api/jobs/enqueue", made.status, 201)
            job = made.json["jobId"]
            seen = call(f"{url}/api/jobs/{job}", "GET", None, PROCESSOR_TOKEN)
            checks.equal("GET /api/jobs/{id}", (seen.status, seen.json["status"]), (200, "pending"))
            batch = call(f"{url}/api/jobs/process", "POST", {"action": "process-batch"}, PROCESSOR_TOKEN)
            checks.equal("POST /api/jobs/process", (batch.status, batch.json["completed"]), (200, 1))
        except Exception:
            log.seek(0)
            print(log.read(), file=sys.stderr)
            raise
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(60)


def run(checks):
    stack = Stack(sys.argv[2])
    try:
        address = relay(int(stack.rest.rsplit(":", 1)[1]))
        parameters = {
            "KV_REST_API_URL": f"http://{address}",
            "KV_REST_API_TOKEN": stack.rest_token,
            "JOB_PROCESSOR_SECRET_TOKEN": PROCESSOR_TOKEN,
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"Parameters": parameters}, file)
            file.flush()
            check_invoke(checks, stack, file.name)
            check_api(checks, file.name)
    finally:
        stack.stop()
    print("sam local: invoke and start-api answered")


main(run)
