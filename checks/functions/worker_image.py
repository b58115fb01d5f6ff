"""Runs the worker's image on the local stack: worker_image.py DEV_PROGRAM."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from stack import WEBHOOK_JOB, Stack, main

NAME = "holdfast-worker-check"
# As the page about the worker has it, and on the machine's own network, where the stack is.
OPTIONS = ["--stop-timeout", "40", "--read-only", "--tmpfs", "/run/holdfast:uid=65532,mode=0700", "--cap-drop", "ALL",
           "--security-opt", "no-new-privileges", "--network", "host"]
PATIENCE_S = 30
PAGE = pathlib.Path(__file__).parent.parent.parent / "docs/deploy/worker/README.md"


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=90, check=False)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments)}: {done.stderr}")
    return done


def wait_until(holds):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("not in time")
        time.sleep(0.05)


def variables(folder, stack):
    """The file that Docker reads, made of an operator's `.env` by the command of the page."""
    quoted = re.compile(r"[ <>]")
    lines = [f'{name}="{value}"' if quoted.search(value) else f"{name}={value}" for name, value in stack.variables().items()]
    pathlib.Path(folder, ".env").write_text("\n".join(lines) + "\n")
    command = re.search(r"^sed .*$", PAGE.read_text(), re.MULTILINE)[0]
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    return f"{folder}/worker.env"


def run(checks):
    stack = Stack(sys.argv[1])
    try:
        with tempfile.TemporaryDirectory() as folder:
            docker("run", "--detach", "--name", NAME, *OPTIONS, "--env-file", variables(folder, stack), "holdfast-worker")
        job = stack.enqueue(WEBHOOK_JOB)
        wait_until(lambda: stack.job(job)["status"] == "completed")
        checks.equal("the webhook", len(stack.partner.received), 1)
        healthy = docker("exec", NAME, "/holdfast", "healthy", "/run/holdfast/health", "--within", "2m", check=False)
        checks.equal("its health", healthy.returncode, 0)
        checks.that("no shell in it", "sh", docker("exec", NAME, "sh", "-c", "true", check=False).returncode != 0)

        stack.partner.delay = 3
        job = stack.enqueue(WEBHOOK_JOB)
        wait_until(lambda: len(stack.partner.received) == 2)
        docker("stop", NAME)
        state = json.loads(docker("inspect", NAME).stdout)[0]["State"]
        checks.equal("its end", (state["ExitCode"], state["OOMKilled"]), (0, False))
        found = stack.job(job)
        checks.equal("the job under way at docker stop", (found["status"], found["attemptCount"]), ("completed", 1))
        logs = docker("logs", NAME)
        lines = [json.loads(line) for line in (logs.stdout + logs.stderr).splitlines()]
        checks.that("JSON lines that say it drained", lines[-1], lines[-1]["outcome"] == "stopped")
    except BaseException:
        logs = docker("logs", NAME, check=False)
        print(logs.stdout, logs.stderr, file=sys.stderr)
        raise
    finally:
        docker("rm", "--force", NAME, check=False)
        stack.stop()


main(run)
