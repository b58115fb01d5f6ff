// BullMQ, told what to do by lines of JSON on its input; it answers each with a line.
//
// It is used as its documentation says: addBulk, one Worker with concurrency 50, defaults otherwise.
import { createInterface } from 'node:readline';
import { performance } from 'node:perf_hooks';
import { Queue, Worker } from 'bullmq';

const CONCURRENCY = 50;
let queue;
let worker;
let connection;
let done;
let started;

const seconds = async (work) => {
  const start = performance.now();
  await work();
  return { seconds: (performance.now() - start) / 1000 };
};

const hire = async () => {
  done = 0;
  worker = new Worker(queue.name, async () => undefined, { connection, concurrency: CONCURRENCY, autorun: false });
  worker.on('error', (error) => console.error(error));
  await worker.waitUntilReady();
};

const operations = {
  async open({ name, port }) {
    connection = { host: '127.0.0.1', port };
    queue = new Queue(name, { connection });
    await queue.waitUntilReady();
    return {};
  },

  // Bulks of `bulk`, `inFlight` of them on their way at once.
  async add({ jobs, bulk, inFlight, data }) {
    let left = jobs / bulk;
    const lane = async () => {
      while (left-- > 0) {
        if (bulk === 1) await queue.add('job', data);
        else await queue.addBulk(Array.from({ length: bulk }, () => ({ name: 'job', data })));
      }
    };
    return seconds(() => Promise.all(Array.from({ length: inFlight }, lane)));
  },

  // Starts working and goes on; `done` tells how far it is.
  async start() {
    await hire();
    started = performance.now();
    worker.on('completed', () => ++done);
    worker.run();
    return {};
  },

  async startIdle() {
    return operations.start();
  },

  // Until so many jobs are completed.
  async wait({ jobs }) {
    if (done < jobs) {
      await new Promise((resolve) => worker.on('completed', () => done >= jobs && resolve()));
    }
    return { seconds: (performance.now() - started) / 1000 };
  },

  async done() {
    return { done };
  },

  // Adds a job every `everyMs` and answers how long each took until it was completed, in ms.
  async pace({ jobs, everyMs, data }) {
    await hire();
    const began = new Map();
    const took = [];
    const all = new Promise((resolve) => {
      worker.on('completed', (job) => {
        took.push(performance.now() - began.get(job.data.n));
        if (took.length === jobs) resolve();
      });
    });
    worker.run();
    const start = performance.now();
    for (let n = 0; n < jobs; n++) {
      const wait = start + n * everyMs - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      began.set(n, performance.now());
      queue.add('job', { ...data, n });
    }
    await all;
    return { took };
  },

  async close() {
    await worker?.close();
    await queue?.close();
    worker = queue = undefined;
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, ...parameters } = JSON.parse(line);
  console.log(JSON.stringify(await operations[operation](parameters)));
}
process.exit(0);
