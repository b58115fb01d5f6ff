import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "svix";

import { freePort, holdfast, start } from "./stack.js";

const program = (path) => new URL(`node_modules/${path}`, import.meta.url).pathname;

const recipientEmail = "jane@example.com";
const mail = { transactionId: "esc 1 <b>", recipientEmail, amount: 123456, currency: "eur", reason: "ä & <i>" };
const MAILS = [
  ["send_release_email", mail, "Payment released: esc 1 <b>", "1,234.56 EUR"],
  ["send_refund_email", mail, "Payment refunded: esc 1 <b>", "ä & <i>"],
  ["send_dispute_email", mail, "Dispute opened: esc 1 <b>", "ä & <i>"],
  ["send_payment_confirmed_email", mail, "Payment confirmed: esc 1 <b>", "1,234.56 EUR"],
  ["notify_dispute_resolved", { escrowId: "esc 1 <b>", resolution: "split", recipients: [recipientEmail] }, "Dispute resolved: esc 1 <b>", "Split"],
];

async function json(url, headers) {
  const answer = await fetch(url, { headers });
  assert.ok(answer.ok, `${url}: ${answer.status}`);
  return answer.json();
}

test("emulate, a stand-in for Resend, takes each of the five mails once, however often its job runs", async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const bearer = { authorization: "Bearer re_check" };
  const args = [program("emulate/dist/index.js"), "start", "-p", String(port), "-s", "resend"];
  await start(t, process.execPath, args, {}, () => json(`${url}/emails`, bearer));
  const stack = await holdfast(t, { RESEND_BASE_URL: url, RESEND_API_KEY: "re_check" });

  for (const [type, payload] of MAILS) {
    for (let runs = 0; runs < 3; runs += 1) {
      const job = await stack.run(`job-${type}`, type, payload);
      assert.equal(job.status, "completed", JSON.stringify(job));
    }
  }

  const { data } = await json(`${url}/emails`, bearer);
  const sorted = (subjects) => [...subjects].sort();
  assert.deepEqual(sorted(data.map((one) => one.subject)), sorted(MAILS.map(([, , subject]) => subject)));
  for (const one of data) {
    const [, , , said] = MAILS.find(([, , subject]) => subject === one.subject);
    const { html, text, to, from } = await json(`${url}/emails/${one.id}`, bearer);
    assert.deepEqual([to, from], [[recipientEmail], "Holdfast <holdfast@example.com>"]);
    assert.ok(text.includes(said), text);
    assert.ok(!html.includes("<b>") && !html.includes("<i>"), "every value is escaped");
  }

  const other = await stack.run("job-send_release_email", "send_release_email", { ...mail, amount: 1 });
  assert.equal(other.status, "dead_letter", "another text under the same key");
  assert.match(other.lastError, /status 409 invalid_idempotent_request/);
});

test("maildev, a mail server, takes each of the five mails in both forms, once", async (t) => {
  const [smtp, web] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${web}/api/email`;
  const args = [program("maildev/dist/bin/maildev.js"), "--ip", "127.0.0.1", "--smtp", smtp, "--web", web].map(String);
  await start(t, process.execPath, args, {}, () => json(url));
  const stack = await holdfast(t, { SMTP_URL: `smtp://127.0.0.1:${smtp}` });

  for (const [type, payload] of MAILS) {
    for (let runs = 0; runs < 3; runs += 1) {
      const job = await stack.run(`job-${type}`, type, payload);
      assert.equal(job.status, "completed", JSON.stringify(job));
      assert.equal(job.deliveries[0].status, "sent", JSON.stringify(job));
    }
  }

  const mails = await json(url);
  assert.equal(mails.length, MAILS.length);
  for (const [type, , subject, said] of MAILS) {
    const one = mails.find((found) => found.subject === subject);
    assert.ok(one, `${subject}: ${mails.map((found) => found.subject)}`);
    assert.equal(one.to[0].address, recipientEmail);
    assert.equal(one.from[0].address, "holdfast@example.com");
    assert.ok(one.text.includes(said), one.text);
    assert.ok(one.html.includes("Holdfast") && !one.html.includes("<b>"), "every value is escaped");
    assert.equal(one.headers["message-id"], `<job-${type}@example.com>`);
    assert.equal(one.headers["auto-submitted"], "auto-generated");
  }
});

test("what svix signs is taken once, and what it did not sign is refused", async (t) => {
  const secret = "whsec_aG9sZGZhc3QtY2hlY2stbWFpbC1ldmVudA==";
  const stack = await holdfast(t, { RESEND_WEBHOOK_SECRET: secret });
  await stack.run("job-1", "send_release_email", mail);
  const at = new Date();
  const tags = { holdfast_job: "job-1", holdfast_recipient: "1" };
  const body = JSON.stringify({ type: "email.opened", created_at: at.toISOString(), data: { email_id: "m-1", to: [recipientEmail], tags } });
  const post = async (text, id, time, signature) => {
    const headers = { "svix-id": id, "svix-timestamp": Math.floor(time / 1000), "svix-signature": signature };
    const answer = await fetch(`${stack.site}/api/webhooks/email`, { method: "POST", headers, body: text });
    return [answer.status, (await answer.json()).outcome];
  };
  const sign = (time, by = secret) => new Webhook(by).sign("msg_1", time, body);

  assert.deepEqual(await post(body, "msg_1", at, sign(at)), [200, "noted"]);
  assert.deepEqual(await post(body, "msg_1", at, sign(at)), [200, "duplicate"]);
  const old = new Date(at - 301_000);
  assert.deepEqual(await post(body, "msg_1", old, sign(old)), [400, undefined], "stale");
  assert.deepEqual(await post(`${body} `, "msg_1", at, sign(at)), [400, undefined], "tampered");
  const other = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
  assert.deepEqual(await post(body, "msg_1", at, sign(at, other)), [400, undefined], "another secret");
  const job = await stack.call("GET", "/api/jobs/job-1");
  assert.equal(job.deliveries[0].status, "opened");
  assert.equal(job.deliveries[0].openedAt, at.getTime());
});
