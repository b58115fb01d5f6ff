// What Holdfast posts to Mailgun, beside what Mailgun's own library posts for the same mail.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import Mailgun from "mailgun.js";

import { holdfast } from "./stack.js";

const KEY = "key-check";
const DOMAIN = "mg.example.com";

/** A form's fields. Its multipart form ends lines with a carriage return too, which a mail has in any case. */
const lines = (form) => [...form.entries()].map(([name, value]) => [name, value.replaceAll("\r\n", "\n")]);

/** A server that keeps what it is posted, form fields read by Node's own parser, and answers as Mailgun does. */
async function taker(t) {
  const taken = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const headers = { "content-type": request.headers["content-type"] };
    const form = await new Response(Buffer.concat(chunks), { headers }).formData();
    taken.push({ method: request.method, path: request.url, authorization: request.headers.authorization, fields: lines(form) });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ id: "<20261124.1@mg.example.com>", message: "Queued. Thank you." }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { taken, url: `http://127.0.0.1:${server.address().port}` };
}

test("Mailgun's own library posts to the same place, with the same key, the same fields with the same values", async (t) => {
  const { taken, url } = await taker(t);
  const env = { MAILGUN_BASE_URL: url, MAILGUN_API_KEY: KEY, MAILGUN_DOMAIN: DOMAIN, RESEND_API_KEY: "" };
  const stack = await holdfast(t, env);
  const payload = { transactionId: "esc ä & <1>", recipientEmail: "jane@example.com", amount: 123456, currency: "eur" };

  const job = await stack.run("job-mailgun", "send_release_email", payload);
  assert.equal(job.status, "completed", JSON.stringify(job));
  assert.equal(job.deliveries[0].messageId, "20261124.1@mg.example.com");
  assert.equal(taken.length, 1);
  const ours = taken[0];
  const client = new Mailgun(FormData).client({ username: "api", key: KEY, url });
  await client.messages.create(DOMAIN, Object.fromEntries(ours.fields));

  assert.equal(taken.length, 2);
  const sorted = ({ fields, ...rest }) => ({ ...rest, fields: fields.sort(([one], [other]) => (one < other ? -1 : 1)) });
  assert.deepEqual(sorted(ours), sorted(taken[1]));
  const names = ours.fields.map(([name]) => name);
  for (const name of ["from", "to", "subject", "text", "html", "h:Message-Id", "o:tag"]) assert.ok(names.includes(name), name);

  const again = await stack.run("job-mailgun", "send_release_email", payload);
  assert.equal(again.status, "completed", JSON.stringify(again));
  assert.equal(taken.length, 2, "what is known to be sent is not sent again");
});
