// What the checks start: programs, each on a port of its own, ended with the test.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export const TOKEN = "dev-processor-token";

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a program and returns once `ready` resolves without an error; it is ended with the test. */
export async function start(test, program, args, env, ready) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  test.after(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGINT");
    const ended = await Promise.race([once(child, "exit"), sleep(5000)]);
    if (!ended) child.kill("SIGKILL");
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    try {
      return await ready();
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`${program} is not ready: ${said}`);
}

/** Starts Holdfast with these variables and returns a client of it. */
export async function holdfast(test, env) {
  const [port, restPort] = [await freePort(), await freePort()];
  const site = `http://127.0.0.1:${port}`;
  const call = async (method, path, body) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await fetch(site + path, { method, headers, body: body && JSON.stringify(body) });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
    return json;
  };
  const args = ["--port", port, "--rest-port", restPort, "--no-cron"].map(String);
  await start(test, process.env.HOLDFAST_DEV, args, env, () => call("GET", "/api/health"));
  const redis = async (...command) => {
    const headers = { authorization: "Bearer dev-token" };
    const answer = await fetch(`http://127.0.0.1:${restPort}`, { method: "POST", headers, body: JSON.stringify(command) });
    return (await answer.json()).result;
  };
  /** Runs the job of this id, as often as it is called. */
  const run = async (id, type, payload) => {
    await redis("SET", `job:${id}`, JSON.stringify({ type, payload }));
    await redis("RPUSH", `queue:${type}`, id);
    await call("POST", "/api/jobs/process", { action: "process-type", type });
    return call("GET", `/api/jobs/${id}`);
  };
  return { site, call, run };
}
