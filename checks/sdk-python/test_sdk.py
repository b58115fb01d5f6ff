"""The official Python SDK against the server in UPSTASH_REDIS_REST_URL."""

import asyncio
import os
import unittest

from upstash_redis import Redis
from upstash_redis.asyncio import Redis as AsyncRedis
from upstash_redis.errors import UpstashError

URL = os.environ["UPSTASH_REDIS_REST_URL"]
TOKEN = os.environ["UPSTASH_REDIS_REST_TOKEN"]


class Commands:
    """What must hold with and without base64."""

    encoding: str | None

    def setUp(self):
        self.redis = Redis(URL, TOKEN, rest_encoding=self.encoding, allow_telemetry=False)
        self.addCleanup(self.redis.close)
        self.redis.flushdb()

    def test_any_text_makes_the_round_trip(self):
        for text in ["text", "", "é 漢字 🦀 \n\"\\\0", '{"a":[]}']:
            self.assertTrue(self.redis.set("text", text))
            self.assertEqual(self.redis.get("text"), text)
        self.assertIsNone(self.redis.get("nothing"))
        self.assertFalse(self.redis.set("text", "x", nx=True))

    def test_integers_keep_every_digit(self):
        self.redis.set("n", 9223372036854775806)
        self.assertEqual(self.redis.incr("n"), 9223372036854775807)

    def test_a_pipeline_answers_in_order(self):
        pipeline = self.redis.pipeline()
        pipeline.set("p", 1)
        pipeline.incr("p")
        pipeline.get("p")
        self.assertEqual(pipeline.exec(), [True, 2, "2"])

    def test_a_transaction_answers_in_order(self):
        transaction = self.redis.multi()
        transaction.set("m", "a")
        transaction.get("m")
        transaction.hgetall("nothing")
        self.assertEqual(transaction.exec(), [True, "a", {}])

    def test_an_error_has_the_text_of_redis(self):
        self.redis.rpush("list", "x")
        with self.assertRaisesRegex(UpstashError, "WRONGTYPE Operation against a key"):
            self.redis.get("list")

    def test_scripts_run_by_text_and_by_sha(self):
        script = "return {KEYS[1], ARGV[1], 7}"
        self.assertEqual(self.redis.eval(script, ["k"], ["a"]), ["k", "a", 7])
        sha = self.redis.script_load(script)
        self.assertEqual(self.redis.evalsha(sha, ["k"], ["a"]), ["k", "a", 7])
        self.assertEqual(self.redis.script_exists(sha, "0" * 40), [True, False])
        self.redis.script_flush()
        with self.assertRaisesRegex(UpstashError, "NOSCRIPT No matching script. Please use EVAL."):
            self.redis.evalsha(sha, ["k"], ["a"])

    def test_a_script_that_locks_its_keys_is_known_by_its_own_sha(self):
        script = "#!lua flags=allow-key-locking\nreturn redis.call('INCR', KEYS[1])"
        sha = self.redis.script_load(script)
        self.assertEqual(self.redis.evalsha(sha, ["locked"]), 1)
        self.assertEqual(self.redis.eval(script, ["locked"]), 2)

    def test_sorted_sets(self):
        self.assertEqual(self.redis.zadd("z", {"a": 1.5, "b": 2}), 2)
        self.assertEqual(self.redis.zrange("z", 0, -1, withscores=True), [("a", 1.5), ("b", 2.0)])
        self.assertEqual(self.redis.zscore("z", "a"), 1.5)
        self.assertEqual(self.redis.zincrby("z", 0.25, "a"), 1.75)

    def test_hashes(self):
        self.assertEqual(self.redis.hset("h", values={"a": 1, "b": "c"}), 2)
        self.assertEqual(self.redis.hgetall("h"), {"a": "1", "b": "c"})
        self.assertEqual(self.redis.hmget("h", "a", "nothing"), ["1", None])

    def test_streams(self):
        entry = self.redis.xadd("x", "*", {"type": "audit", "n": 1})
        self.assertEqual(self.redis.xrange("x", "-", "+"), [[entry, ["type", "audit", "n", "1"]]])

    def test_a_scan_finds_every_key(self):
        self.redis.mset({f"scan:{n}": str(n) for n in range(50)})
        found, cursor = set(), 0
        while True:
            cursor, keys = self.redis.scan(cursor, match="scan:*", count=7)
            found.update(keys)
            if cursor == 0:
                break
        self.assertEqual(len(found), 50)


class Base64(Commands, unittest.TestCase):
    encoding = "base64"

    def test_bytes_that_are_no_text_do_not_break_the_server(self):
        self.redis.execute(["SETBIT", "bits", "0", "1"])
        self.assertEqual(self.redis.strlen("bits"), 1)


class Plain(Commands, unittest.TestCase):
    encoding = None

    def test_bytes_that_are_no_text_are_replaced(self):
        self.redis.execute(["SETBIT", "bits", "0", "1"])
        self.assertEqual(self.redis.get("bits"), "\ufffd")


class Others(unittest.TestCase):
    def test_calls_at_once_do_not_mix(self):
        async def increments():
            async with AsyncRedis(URL, TOKEN, allow_telemetry=False) as redis:
                await redis.delete("at-once")
                return await asyncio.gather(*(redis.incr("at-once") for _ in range(50)))

        self.assertEqual(sorted(asyncio.run(increments())), list(range(1, 51)))

    def test_a_wrong_token_is_refused(self):
        with Redis(URL, "wrong", allow_telemetry=False) as stranger:
            with self.assertRaisesRegex(UpstashError, "WRONGPASS invalid or missing auth token"):
                stranger.get("k")


if __name__ == "__main__":
    unittest.main()
