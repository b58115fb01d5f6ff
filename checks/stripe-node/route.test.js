// Stripe's own library signs events for our route: what it makes is taken in, what it would refuse is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import Stripe from "stripe";

const site = process.env.SITE_URL;
const stripe = new Stripe("sk_test_dev");
const secret = "whsec_dev_stripe";

const call = async (path, options) => {
  const answer = await fetch(new URL(path, site), options);
  return { status: answer.status, body: await answer.json() };
};
const partner = (more) => ({ authorization: "Bearer dev-partner-key", ...more });
const send = (payload, signature) => call("/api/webhooks/stripe", { method: "POST", body: payload, headers: { "stripe-signature": signature } });

// An escrow that nobody has paid, and the event that its payment was cancelled at Stripe.
const order = async (key) => {
  const { body: escrow } = await call("/api/escrow/create", {
    method: "POST",
    headers: partner({ "idempotency-key": key }),
    body: JSON.stringify({ amount: 500, currency: "eur", buyerEmail: "buyer@example.com", sellerEmail: "seller@example.com" }),
  });
  const { body: sandbox } = await call("/dev/stripe.json");
  const intent = sandbox.paymentIntents.find(({ id }) => id === escrow.paymentIntentId);
  const object = { ...intent, status: "canceled", canceled_at: 1, cancellation_reason: "abandoned" };
  return { escrow, payload: JSON.stringify({ id: `evt_${key}`, object: "event", type: "payment_intent.canceled", data: { object } }) };
};
const statusOf = async ({ escrowId }) => (await call(`/api/escrow/${escrowId}`, { headers: partner() })).body.status;

test("a header of generateTestHeaderString opens the route, once", async () => {
  const { escrow, payload } = await order("opens");
  const signature = stripe.webhooks.generateTestHeaderString({ payload, secret });
  assert.ok(stripe.webhooks.constructEvent(payload, signature, secret));

  assert.deepEqual(await send(payload, signature), { status: 200, body: { received: true, outcome: "applied" } });
  assert.equal((await send(payload, signature)).body.outcome, "duplicate");
  assert.equal(await statusOf(escrow), "cancelled");
});

test("what constructEvent refuses, the route refuses", async () => {
  const { escrow, payload } = await order("refused");
  const header = (options) => stripe.webhooks.generateTestHeaderString({ payload, secret, ...options });
  const cases = {
    "another secret": [payload, header({ secret: "whsec_other" })],
    "another body": [payload.replace("abandoned", "duplicate"), header()],
    "too old": [payload, header({ timestamp: Math.floor(Date.now() / 1000) - 301 })],
    "no signature of this scheme": [payload, header({ scheme: "v0" })],
    nothing: [payload, ""],
  };
  for (const [name, [body, signature]] of Object.entries(cases)) {
    assert.throws(() => stripe.webhooks.constructEvent(body, signature, secret), undefined, name);
    const { status, body: problem } = await send(body, signature);
    assert.deepEqual([status, problem.code], [400, "invalid_signature"], name);
  }
  assert.equal(await statusOf(escrow), "created");
});
