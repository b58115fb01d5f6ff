// Stripe's own library against the sandbox: if it is served, so is any client of Stripe's.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, test } from "node:test";
import Stripe from "stripe";

const base = new URL(process.env.SANDBOX_URL);
const stripe = new Stripe("sk_test_dev", {
  protocol: "http",
  host: base.hostname,
  port: base.port,
  maxNetworkRetries: 0,
  telemetry: false,
});
const WEBHOOK_SECRET = "whsec_dev_stripe";
const cards = { payment_method_types: ["card"] };

const held = (options) =>
  stripe.paymentIntents.create(
    { amount: 10_000, currency: "usd", capture_method: "manual", confirm: true, payment_method: "pm_card_visa", ...cards },
    options,
  );

const control = (path, body) =>
  fetch(new URL(`/dev/stripe/control/${path}`, base), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

// What a shop would run: it takes only events whose signature the library accepts.
const received = [];
const refused = [];
const shop = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const signature = request.headers["stripe-signature"];
  try {
    received.push({ event: stripe.webhooks.constructEvent(raw, signature, WEBHOOK_SECRET), raw, signature });
    response.writeHead(200).end();
  } catch (error) {
    refused.push(error.message);
    response.writeHead(400).end();
  }
  shop.emit("event");
});

const typesOf = (intent) =>
  received.filter(({ event }) => event.data.object.id === intent || event.data.object.payment_intent === intent).map(({ event }) => event.type);

const eventually = async (condition) => {
  while (!condition()) await once(shop, "event", { signal: AbortSignal.timeout(5_000) });
};

before(async () => {
  shop.listen(0, "127.0.0.1");
  await once(shop, "listening");
  const set = await control("events/url", { url: `http://127.0.0.1:${shop.address().port}/` });
  assert.equal(set.status, 204);
});

after(() => {
  shop.close();
  shop.closeAllConnections();
});

test("holds, captures in part and refunds", async () => {
  const intent = await held();
  assert.equal(intent.status, "requires_capture");
  assert.equal(intent.amount_capturable, 10_000);

  const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 6_000 });
  assert.equal(captured.status, "succeeded");
  assert.equal(captured.amount_received, 6_000);

  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 1_000, reason: "requested_by_customer" });
  assert.equal(refund.status, "succeeded");
  assert.deepEqual((await stripe.refunds.list({ payment_intent: intent.id })).data.map(({ id }) => id), [refund.id]);

  const read = await stripe.paymentIntents.retrieve(intent.id, { expand: ["latest_charge"] });
  assert.equal(read.latest_charge.amount_captured, 6_000);
  assert.equal(read.latest_charge.payment_method_details.card.capture_before - read.latest_charge.created, 7 * 24 * 60 * 60);
});

test("a decline is a card error with its decline code", async () => {
  await assert.rejects(
    stripe.paymentIntents.create({
      amount: 10_000, currency: "usd", confirm: true, payment_method: "pm_card_visa_chargeDeclinedInsufficientFunds", ...cards,
    }),
    (error) => {
      assert.ok(error instanceof Stripe.errors.StripeCardError);
      assert.equal(error.statusCode, 402);
      assert.equal(error.code, "card_declined");
      assert.equal(error.decline_code, "insufficient_funds");
      assert.equal(error.payment_intent.status, "requires_payment_method");
      assert.match(error.requestId, /^req_/);
      return true;
    },
  );
});

test("a key replays the first answer and refuses another call", async () => {
  const first = await held({ idempotencyKey: "node-1" });
  const second = await held({ idempotencyKey: "node-1" });
  assert.equal(second.id, first.id);
  assert.equal(second.lastResponse.headers["idempotent-replayed"], "true");

  await assert.rejects(
    stripe.refunds.create({ payment_intent: first.id }, { idempotencyKey: "node-1" }),
    (error) => error instanceof Stripe.errors.StripeIdempotencyError && error.statusCode === 400,
  );
});

test("the library's own retries get through a lost answer without a second payment", async () => {
  const patient = new Stripe("sk_test_dev", {
    protocol: "http", host: base.hostname, port: base.port, maxNetworkRetries: 2, telemetry: false,
  });
  const intent = await held();
  await control("faults", { fault: "answer_lost", times: 1, path: `${intent.id}/capture` });
  const captured = await patient.paymentIntents.capture(intent.id);
  assert.equal(captured.status, "succeeded");

  const state = await (await fetch(new URL("/dev/stripe.json", base))).json();
  const { ledger } = state.paymentIntents.find(({ id }) => id === intent.id);
  assert.equal(ledger.captures, 1);
});

test("wrong keys, unknown objects and unknown parameters are told apart", async () => {
  const stranger = new Stripe("sk_test_wrong", { protocol: "http", host: base.hostname, port: base.port, maxNetworkRetries: 0 });
  await assert.rejects(stranger.paymentIntents.list(), (error) => error instanceof Stripe.errors.StripeAuthenticationError);
  await assert.rejects(stripe.paymentIntents.retrieve("pi_none"), (error) => error.code === "resource_missing" && error.statusCode === 404);
  await assert.rejects(
    stripe.paymentIntents.create({ amount: 10_000, currency: "usd", colour: "red" }),
    (error) => error.code === "parameter_unknown" && error.param === "colour",
  );
});

test("constructEvent accepts the events and refuses them once they are changed", async () => {
  const intent = await held();
  await stripe.paymentIntents.cancel(intent.id);
  await eventually(() => typesOf(intent.id).includes("payment_intent.canceled"));

  const types = typesOf(intent.id);
  assert.ok(types.includes("payment_intent.created"));
  assert.ok(types.includes("payment_intent.amount_capturable_updated"));
  assert.deepEqual(refused, []);

  const { raw, signature, event } = received.at(-1);
  assert.equal(event.object, "event");
  assert.equal((await stripe.events.retrieve(event.id)).id, event.id);
  const changed = Buffer.from(raw.toString().replace('"livemode":false', '"livemode":true'));
  assert.throws(() => stripe.webhooks.constructEvent(changed, signature, WEBHOOK_SECRET));
  assert.throws(() => stripe.webhooks.constructEvent(raw, signature, "whsec_other"));
});
