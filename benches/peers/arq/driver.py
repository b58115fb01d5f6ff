"""ARQ, told what to do by lines of JSON on its input; it answers each with a line.

Its worker looks for jobs every half second by default. Where jobs a second are measured, it looks at once (`poll_delay=0`), or the pause is
all that would be measured; where latency and the idle minute are, it has its default.
"""

import asyncio
import contextlib
import json
import sys
import time

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker

CONCURRENCY = 50


async def job(_context, _number, _data):
    return None


class Driver:
    def __init__(self):
        self.pool = self.worker = self.task = None

    async def open(self, name, port):
        self.settings = RedisSettings(host="127.0.0.1", port=port)
        self.name, self.port = name, port
        self.pool = await create_pool(self.settings, default_queue_name=name)
        self.count, self.begun, self.took, self.news = 0, {}, [], asyncio.Event()
        return {}

    async def _add(self, number, data):
        await self.pool.enqueue_job("job", number, data)

    async def add(self, jobs, bulk, inFlight, data):
        """It has no call for many: as many as a bulk has are on their way at once."""
        start = time.monotonic()

        async def lane(first):
            for at in range(first * bulk, jobs, bulk * inFlight):
                await asyncio.gather(*(self._add(n, data) for n in range(at, min(at + bulk, jobs))))

        await asyncio.gather(*(lane(n) for n in range(inFlight)))
        return {"seconds": time.monotonic() - start}

    def _run(self, **options):
        async def ended(context):
            self.count += 1
            self.news.set()

        self.started = time.monotonic()
        self.worker = Worker(
            functions=[job], redis_settings=self.settings, queue_name=self.name, max_jobs=CONCURRENCY,
            handle_signals=False, after_job_end=ended, **options,
        )
        self.task = asyncio.ensure_future(self.worker.async_run())

    async def start(self):
        self._run(poll_delay=0)
        return {}

    async def wait(self, jobs):
        while self.count < jobs:
            self.news.clear()
            await self.news.wait()
        return {"seconds": time.monotonic() - self.started}

    async def done(self):
        return {"done": self.count}

    async def pace(self, jobs, everyMs, data):
        took = []
        begun = {}
        finished = asyncio.Event()

        async def timed(_context, number, _data):
            return number

        async def ended(context):
            took.append((time.monotonic() - begun[context["job_id"]]) * 1000)
            if len(took) == jobs:
                finished.set()

        timed.__qualname__ = "job"
        worker = Worker(functions=[timed], redis_settings=self.settings, queue_name=self.name, max_jobs=CONCURRENCY,
                        handle_signals=False, after_job_end=ended)
        self.worker, self.task = worker, asyncio.ensure_future(worker.async_run())
        start, calls = time.monotonic(), []

        async def one(number):
            identity = f"paced-{number}"
            begun[identity] = time.monotonic()
            await self.pool.enqueue_job("job", number, data, _job_id=identity)

        for number in range(jobs):
            await asyncio.sleep(max(0, start + number * everyMs / 1000 - time.monotonic()))
            calls.append(asyncio.ensure_future(one(number)))
        await asyncio.gather(*calls)
        await finished.wait()
        return {"took": took}

    async def startIdle(self):
        """Starts a worker as its defaults have it, and lets it wait for jobs."""
        self._run()
        return {}

    async def close(self):
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            # Jobs that were under way end with it.
            with contextlib.suppress(asyncio.CancelledError):
                await self.worker.close()
        if self.pool:
            await self.pool.aclose()
        self.pool = self.worker = self.task = None
        return {}


async def main():
    driver = Driver()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        wish = json.loads(line)
        operation = getattr(driver, wish.pop("operation"))
        print(json.dumps(await operation(**wish)), flush=True)


asyncio.run(main())
