"""CPU and wall time from exec to a function's first question for work: measure.py RUNS BARE FUNCTION...

Plays the platform's runtime API. Each run is a process of its own, ended when it asks; runs of the functions and the bare one take turns,
so that whatever else the machine does falls on all of them alike.
"""

import os
import pathlib
import signal
import socket
import statistics
import sys
import time

MOST = 1.3
VARIABLES = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
    "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
    "KV_REST_API_URL": "https://bench.upstash.io",
    "KV_REST_API_TOKEN": "bench-token",
    "JOB_PROCESSOR_SECRET_TOKEN": "bench-processor-token",
    "CRON_SECRET": "bench-cron-secret",
    "EMAIL_FROM": "Holdfast <holdfast@example.com>",
    "RESEND_API_KEY": "re_bench",
    "WEBHOOK_URL": "https://partner.example.com/in",
    "WEBHOOK_SIGNING_SECRET": "whsec_aG9sZGZhc3QtZGV2LXdlYmhvb2stc2luaw==",
    "STRIPE_SECRET_KEY": "sk_test_bench",
}


def name(program):
    """SAM calls every executable `bootstrap`; then its folder tells which it is."""
    path = pathlib.Path(program)
    return path.parent.name if path.name == "bootstrap" else path.name


def cold_start(program, listener):
    """Returns CPU and wall time of one start, in ms."""
    environment = VARIABLES | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}"}
    null = os.open(os.devnull, os.O_RDWR)
    started = time.perf_counter()
    child = os.posix_spawn(program, [program], environment, file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)])
    os.close(null)
    connection, _ = listener.accept()
    asked = connection.recv(4096)
    wall = time.perf_counter() - started
    os.kill(child, signal.SIGKILL)
    _, _, used = os.wait4(child, 0)
    connection.close()
    if b"/runtime/invocation/next" not in asked:
        raise SystemExit(f"{program} asked {asked[:80]!r}")
    return (used.ru_utime + used.ru_stime) * 1000, wall * 1000


def main():
    runs, programs = int(sys.argv[1]), sys.argv[2:]
    listener = socket.create_server(("127.0.0.1", 0))
    # What never asks is a failure, not a wait.
    listener.settimeout(10)
    for program in programs:
        cold_start(program, listener)
    taken = {program: [] for program in programs}
    for _ in range(runs):
        for program in programs:
            taken[program].append(cold_start(program, listener))
    cpu = {program: statistics.median(cpu for cpu, _ in times) for program, times in taken.items()}
    bare = cpu[programs[0]]
    print("| function | KB | CPU ms | wall ms | CPU, of the bare one's |\n| --- | ---: | ---: | ---: | ---: |")
    for program in programs:
        wall = statistics.median(wall for _, wall in taken[program])
        size = os.stat(program).st_size // 1000
        print(f"| {name(program)} | {size} | {cpu[program]:.2f} | {wall:.2f} | {cpu[program] / bare:.2f} |")
    slow = [name(program) for program in programs if cpu[program] / bare > MOST]
    if slow:
        raise SystemExit(f"over {MOST} times the bare function's CPU: {', '.join(slow)}")


main()
