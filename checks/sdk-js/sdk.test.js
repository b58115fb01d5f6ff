// The official JavaScript SDK and rate limiter against the server in UPSTASH_REDIS_REST_URL.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

const url = process.env.UPSTASH_REDIS_REST_URL;
const token = process.env.UPSTASH_REDIS_REST_TOKEN;

async function fault(wish) {
  const answer = await fetch(`${url}/__faults`, {
    method: wish ? "POST" : "DELETE",
    headers: { authorization: `Bearer ${token}` },
    body: wish ? JSON.stringify(wish) : undefined,
  });
  assert.equal(answer.status, 200);
}

const variants = [
  { name: "base64", options: {} },
  { name: "plain", options: { responseEncoding: false } },
  { name: "without auto-pipelining", options: { enableAutoPipelining: false } },
];

for (const { name, options } of variants) {
  describe(`redis, ${name}`, () => {
    const redis = new Redis({ url, token, enableTelemetry: false, ...options });

    before(() => redis.flushdb());

    test("strings, numbers, JSON and any text make the round trip", async () => {
      for (const value of ["text", "é 漢字 🦀 \n\"\\", { a: [1, { b: null }], c: [] }, [1, "2", []], 42, 0.5, true]) {
        assert.equal(await redis.set("value", value), "OK");
        assert.deepEqual(await redis.get("value"), value);
      }
      assert.equal(await redis.get("nothing"), null);
      assert.equal(await redis.set("value", "x", { nx: true }), null);
      assert.equal(await redis.set("ending", "x", { ex: 100 }), "OK");
      assert.ok((await redis.ttl("ending")) > 90);
    });

    test("a pipeline answers in order", async () => {
      const results = await redis.pipeline().set("p", 1).incr("p").get("p").mget("p", "nothing").exec();
      assert.deepEqual(results, ["OK", 2, 2, [2, null]]);
    });

    test("a pipeline can keep its errors", async () => {
      await redis.set("word", "x");
      const results = await redis.pipeline().incr("word").get("word").exec({ keepErrors: true });
      assert.match(results[0].error, /^ERR value is not an integer/);
      assert.equal(results[1].result, "x");
    });

    test("a transaction answers in order", async () => {
      const results = await redis.multi().set("m", { a: 1 }).get("m").incrby("n", 5).exec();
      assert.deepEqual(results, ["OK", { a: 1 }, 5]);
    });

    test("an error has the text of Redis", async () => {
      await redis.rpush("list", "x");
      await assert.rejects(redis.get("list"), /WRONGTYPE Operation against a key holding the wrong kind of value/);
    });

    test("scripts run by text, by SHA1, and by text when they are not cached", async () => {
      const lua = "return {KEYS[1], ARGV[1], #ARGV}";
      assert.deepEqual(await redis.eval(lua, ["k"], ["a"]), ["k", "a", 1]);
      const sha = await redis.scriptLoad(lua);
      assert.deepEqual(await redis.evalsha(sha, ["k"], ["a", "b"]), ["k", "a", 2]);
      assert.deepEqual(await redis.scriptExists(sha, "0".repeat(40)), [1, 0]);
      assert.equal(await redis.scriptFlush(), "OK");
      await assert.rejects(redis.evalsha(sha, ["k"], []), /NOSCRIPT/);
      const script = redis.createScript(lua);
      assert.deepEqual(await script.exec(["k"], ["a"]), ["k", "a", 1]);
      assert.deepEqual(await script.exec(["k"], ["a"]), ["k", "a", 1]);
    });

    test("a script that locks its keys runs by text and by SHA1", async () => {
      const script = redis.createScript("#!lua flags=allow-key-locking\nreturn redis.call('INCR', KEYS[1])");
      assert.equal(await script.exec(["locked"], []), 1);
      assert.equal(await script.exec(["locked"], []), 2);
    });

    test("sorted sets", async () => {
      assert.equal(await redis.zadd("z", { score: 1.5, member: "a" }, { score: 2, member: "b" }), 2);
      assert.deepEqual(await redis.zrange("z", 0, -1, { withScores: true }), ["a", 1.5, "b", 2]);
      assert.equal(await redis.zscore("z", "a"), 1.5);
      assert.equal(await redis.zincrby("z", 0.25, "a"), 1.75);
      assert.deepEqual(await redis.zpopmin("z"), ["a", 1.75]);
    });

    test("hashes", async () => {
      assert.equal(await redis.hset("h", { a: 1, b: { c: "d" } }), 2);
      assert.deepEqual(await redis.hgetall("h"), { a: 1, b: { c: "d" } });
      assert.deepEqual(await redis.hmget("h", "a", "nothing"), { a: 1, nothing: null });
      assert.equal(await redis.hgetall("nothing"), null);
    });

    test("lists and sets", async () => {
      assert.equal(await redis.rpush("l", "a", "b", "c"), 3);
      assert.deepEqual(await redis.lpop("l", 2), ["a", "b"]);
      assert.deepEqual(await redis.lrange("l", 0, -1), ["c"]);
      assert.equal(await redis.sadd("s", 1, 2, 2), 2);
      assert.deepEqual((await redis.smembers("s")).sort(), [1, 2]);
    });

    test("streams", async () => {
      const id = await redis.xadd("x", "*", { type: "audit", n: 1 });
      assert.match(id, /^\d+-0$/);
      assert.deepEqual(await redis.xrange("x", "-", "+"), { [id]: { type: "audit", n: 1 } });
      assert.equal(await redis.xlen("x"), 1);
    });

    test("a scan finds every key", async () => {
      await redis.mset(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`scan:${n}`, n])));
      const found = new Set();
      let cursor = "0";
      do {
        const [next, keys] = await redis.scan(cursor, { match: "scan:*", count: 7 });
        keys.forEach((key) => found.add(key));
        cursor = next;
      } while (cursor !== "0");
      assert.equal(found.size, 50);
    });

    test("calls at once do not mix", async () => {
      const values = await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          await redis.set(`at-once:${n}`, n);
          return redis.get(`at-once:${n}`);
        }),
      );
      assert.deepEqual(values, Array.from({ length: 100 }, (_, n) => n));
    });
  });
}

describe("redis", () => {
  const redis = new Redis({ url, token, enableTelemetry: false, retry: { retries: 3, backoff: () => 10 } });

  after(() => fault(null));

  test("a subscriber hears what is published", async () => {
    const subscriber = redis.subscribe("chat");
    await new Promise((resolve) => subscriber.on("subscribe", resolve));
    const heard = new Promise((resolve) => subscriber.on("message", resolve));
    assert.equal(await redis.publish("chat", { hello: "you, there" }), 1);
    assert.deepEqual(await heard, { channel: "chat", message: { hello: "you, there" } });
    await subscriber.unsubscribe();
  });

  test("a pattern is heard", async () => {
    const subscriber = redis.psubscribe("news:*");
    await new Promise((resolve) => subscriber.on("psubscribe", resolve));
    const heard = new Promise((resolve) => subscriber.on("pmessage", resolve));
    // The SDK reads a pattern's messages as JSON only.
    assert.equal(await redis.publish("news:today", { sky: "rain, later" }), 1);
    assert.deepEqual(await heard, { pattern: "news:*", channel: "news:today", message: { sky: "rain, later" } });
    await subscriber.unsubscribe();
  });

  test("the sync token of one call goes out with the next", async () => {
    await redis.set("mine", 1);
    assert.match(redis.client.upstashSyncToken, /./);
    assert.equal(await redis.get("mine"), 1);
  });

  test("a wrong token is refused", async () => {
    const stranger = new Redis({ url, token: "wrong", enableTelemetry: false });
    await assert.rejects(stranger.get("k"), /WRONGPASS invalid or missing auth token/);
  });

  test("a refused request is repeated by the SDK and runs once", async () => {
    await redis.del("once");
    await fault({ fault: "refused", times: 2 });
    assert.equal(await redis.incr("once"), 1);
  });

  test("a lost reply is repeated by the SDK and runs twice", async () => {
    await redis.del("twice");
    await fault({ fault: "reply_lost" });
    assert.equal(await redis.incr("twice"), 2);
  });
});

describe("rate limiter", () => {
  const redis = new Redis({ url, token, enableTelemetry: false });
  const limiters = {
    "sliding window": Ratelimit.slidingWindow(3, "60 s"),
    "fixed window": Ratelimit.fixedWindow(3, "1 h"),
    "token bucket": Ratelimit.tokenBucket(3, "1 h", 3),
  };

  for (const [name, limiter] of Object.entries(limiters)) {
    test(`a ${name} lets three through and not a fourth`, async () => {
      const ratelimit = new Ratelimit({ redis, limiter, prefix: `limit:${name}`, ephemeralCache: false });
      const identifier = `caller-${process.pid}-${Date.now()}`;
      const outcomes = [];
      for (let call = 0; call < 4; call += 1) {
        outcomes.push((await ratelimit.limit(identifier)).success);
      }
      assert.deepEqual(outcomes, [true, true, true, false]);
      await ratelimit.resetUsedTokens(identifier);
      assert.equal((await ratelimit.limit(identifier)).success, true);
    });
  }
});
