import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

import { holdfast } from "../mail-js/stack.js";

const OLD = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
const NEW = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=";
const OTHER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBpdCBpcw==";
const LIBRARIES = { standardwebhooks: StandardWebhook, svix: SvixWebhook };

/** A partner's server: keeps what it is sent, byte for byte. */
async function partner(t) {
  const received = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(200).end("thanks");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { address: `127.0.0.1:${server.address().port}`, received };
}

test("what partners are sent verifies with their libraries, and nothing else does", async (t) => {
  const { address, received } = await partner(t);
  const stack = await holdfast(t, { WEBHOOK_ALLOW_PRIVATE: address, WEBHOOK_URL: `http://${address}/default`, WEBHOOK_SIGNING_SECRET: OLD });
  const admin = async (body) => {
    const headers = { authorization: "Bearer dev-admin-key" };
    const answer = await fetch(`${stack.site}/api/partners/dev-partner`, { method: "POST", headers, body: JSON.stringify(body) });
    const json = await answer.json();
    assert.ok(answer.ok, JSON.stringify(json));
    return json;
  };
  const change = { escrowId: 'esc_1 "ä"', statusBefore: "authorized", statusAfter: "released", occurredAt: Date.now() };
  await stack.run("job-own", "webhook_escrow_status_changed", change);
  const { id } = await admin({ action: "create-endpoint", url: `http://${address}/endpoint`, secret: OLD });
  await admin({ action: "rotate-secret", endpoint: id, secret: NEW });
  await stack.run("job-partner", "webhook_escrow_status_changed", { ...change, partner: "dev-partner" });
  await admin({ action: "test", endpoint: id });
  // The route wakes the processor itself.
  for (let tries = 0; received.length < 3 && tries < 100; tries += 1) await sleep(50);

  const told = received.map(({ path, headers }) => [path, headers["webhook-id"]]);
  assert.deepEqual(told.slice(0, 2), [["/default", "job-own"], ["/endpoint", `job-partner.${id}`]]);
  assert.equal(told.length, 3);
  const verified = [[received[0], [OLD]], [received[1], [OLD, NEW]], [received[2], [OLD, NEW]]];
  for (const [{ headers, body }, secrets] of verified) {
    assert.match(headers["user-agent"], /^Holdfast-Webhooks\//);
    assert.equal(JSON.parse(body).apiVersion, "2026-11-01");
    for (const [name, Webhook] of Object.entries(LIBRARIES)) {
      for (const secret of secrets) {
        // It throws where it does not hold.
        new Webhook(secret).verify(body, headers);
      }
      const refuses = (secret, text, changed) => assert.throws(() => new Webhook(secret).verify(text, { ...headers, ...changed }), name);
      refuses(OTHER, body, {});
      refuses(OLD, body.replace("authorized", "released"), {});
      refuses(OLD, `${body} `, {});
      refuses(OLD, body, { "webhook-id": "job-other" });
      refuses(OLD, body, { "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) });
      t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 301_000 });
      refuses(OLD, body, {});
      t.mock.timers.reset();
    }
  }
  writeFileSync(process.env.DELIVERIES, JSON.stringify(verified.map(([delivery, secrets]) => ({ ...delivery, secrets }))));
});
