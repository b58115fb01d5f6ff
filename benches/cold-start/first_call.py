"""CPU and wall time of a function's first HTTPS call: first_call.py RUNS DEV_PROGRAM PEER FUNCTION.

Plays the platform's runtime API. A run is a process of its own that is given two events, one after the other: the first makes the connection,
the second finds it made. Redis is the local stack's, behind TLS. Then each program runs once more under strace, which shows what it
opens and how it gets its random bytes.
"""

import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "checks/functions"))
runs, dev, peer, function = int(sys.argv[1]), *sys.argv[2:5]
from local_tls import Authority, Endpoint  # noqa: E402
from stack import MAIL_JOB, PROCESSOR_TOKEN, Stack  # noqa: E402

EVENTS = 2
# A call for random bytes that waits for the kernel to gather them takes a tenth of a second or more; one that another process pushed aside, milliseconds.
WAITS_S = 0.1
CERTIFICATES = re.compile(r'"[^"]*(/ssl/|/pki/|/certs?/|\.pem|\.crt)[^"]*"')


def read(connection, buffered):
    """One HTTP request: its first line, and what came after it."""
    while b"\r\n\r\n" not in buffered:
        data = connection.recv(65536)
        if not data:
            raise SystemExit("the function closed the connection")
        buffered += data
    head, _, rest = buffered.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    chunked = re.search(rb"(?i)transfer-encoding: *chunked", head)
    if chunked:
        while not rest.endswith(b"0\r\n\r\n"):
            rest += connection.recv(65536)
        return head.split(b"\r\n")[0].decode(), rest, b""
    needed = int(length[1]) if length else 0
    while len(rest) < needed:
        rest += connection.recv(65536)
    return head.split(b"\r\n")[0].decode(), rest[:needed], rest[needed:]


def cpu_ms(pid):
    """CPU time of a process so far, with that of threads that ended: the clock that clock_getcpuclockid(3) names."""
    return time.clock_gettime((~pid << 3) | 2) * 1000


def one(command, variables, listener, event):
    """Runs a program through its events. Returns CPU and wall time of each, in ms, and the program's last answer."""
    environment = variables | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}"}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken, buffered, answer = [], b"", None
    for number in range(EVENTS):
        asked, _, buffered = read(connection, buffered)
        if "/invocation/next" not in asked:
            raise SystemExit(f"{command[0]} asked {asked!r}")
        deadline = int(time.time() * 1000) + 15_000
        head = (f"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: request-{number}\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n"
                f"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:1:function:bench\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(event)}\r\n\r\n")
        cpu, wall = cpu_ms(process.pid), time.perf_counter()
        connection.sendall(head.encode() + event)
        said, answer, buffered = read(connection, buffered)
        taken.append((cpu_ms(process.pid) - cpu, (time.perf_counter() - wall) * 1000))
        if "/response" not in said:
            raise SystemExit(f"{command[0]} said {said!r}: {answer[:300]!r}")
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
    # Under strace the function is a child, and strace ends with it.
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]) if command[0] == "strace" else process.pid, signal.SIGKILL)
    process.wait(20)
    connection.close()
    if not re.search(rb'"statusCode": *20[01]', answer):
        raise SystemExit(f"{command[0]} answered {answer[:300]!r}")
    return taken


def traced(program, variables, listener, event, file):
    """What a program opens that has to do with certificates, and how long each call for random bytes took, in s."""
    one(["strace", "-f", "-T", "-o", file, "-e", "trace=open,openat,getrandom", program], variables, listener, event)
    text = pathlib.Path(file).read_text()
    opened = [line for line in text.splitlines() if "open" in line and CERTIFICATES.search(line) and "ENOENT" not in line]
    random = [float(line.rsplit("<", 1)[1].rstrip(">\n")) for line in text.splitlines() if "getrandom(" in line and line.endswith(">")]
    random += [float(line.rsplit("<", 1)[1].rstrip(">\n")) for line in text.splitlines() if "getrandom resumed" in line]
    devices = [line for line in text.splitlines() if "/dev/random" in line or "/dev/urandom" in line]
    return opened, random, devices


def main():
    stack = Stack(dev)
    try:
        authority = Authority()
        rest = urllib.parse.urlsplit(stack.rest)
        endpoint = Endpoint(authority, (rest.hostname, rest.port))
        variables = stack.variables() | {
            "KV_REST_API_URL": endpoint.url,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
        }
        event = json.loads((pathlib.Path(__file__).parent.parent.parent / "events/http-api.json").read_text())
        headers = {"authorization": f"Bearer {PROCESSOR_TOKEN}", "content-type": "application/json"}
        event.update(rawPath="/api/jobs/enqueue", body=json.dumps(MAIL_JOB), headers=headers, isBase64Encoded=False)
        event["requestContext"]["http"].update(path="/api/jobs/enqueue", method="POST")
        event = json.dumps(event).encode()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(20)
        # Ours has its roots compiled in; the peer reads a file, which has this run's authority beside the machine's own.
        programs = {
            "peer: lambda_http, reqwest as it comes": (peer, variables | {"SSL_CERT_FILE": authority.bundle()}),
            "jobs-enqueue": (authority.trusting(function), variables),
        }
        for program, given in programs.values():
            one([program], given, listener, event)
        taken = {name: [] for name in programs}
        for _ in range(runs):
            for name, (program, given) in programs.items():
                taken[name].append(one([program], given, listener, event))
        print("| function | KB | first call, CPU ms | wall ms | next call, CPU ms | wall ms |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        for name, (program, _) in programs.items():
            cells = [statistics.median(run[number][which] for run in taken[name]) for number in range(EVENTS) for which in (0, 1)]
            print(f"| {name} | {os.stat(program).st_size // 1000} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")
        print()
        for name, (program, given) in programs.items():
            opened, random, devices = traced(program, given, listener, event, str(authority.folder / "trace"))
            print(f"{name}: certificate files opened: {len(opened)}; random bytes asked for {len(random)} times, "
                  f"{max(random) * 1e6:.0f} us at most; devices of randomness opened: {len(devices)}")
            if program != peer and (opened or devices or max(random) > WAITS_S):
                raise SystemExit("\n".join([*opened, *devices, f"{max(random)} s"]))
    finally:
        stack.stop()


main()
