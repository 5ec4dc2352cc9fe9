// Runs cases through the official package: a job as JSON on stdin, an observation a line on stdout.
"use strict";

const { AsyncLocalStorage } = require("node:async_hooks");
const http = require("node:http");

// Which case the code that is running belongs to.
const running = new AsyncLocalStorage();

// The package waits by this name and draws its jitter by the other. Its waits are noted and
// skipped, and its draws are those that the case says, so that they can be compared exactly.
const realSetTimeout = globalThis.setTimeout;
globalThis.setTimeout = (callback, delay, ...rest) => {
  const seen = running.getStore();
  if (seen === undefined) return realSetTimeout(callback, delay, ...rest);
  seen.waits.push(delay / 1000);
  return setImmediate(callback, ...rest);
};
const realRandom = Math.random;
Math.random = () => running.getStore()?.random ?? realRandom();

const Stripe = require("stripe");

async function run(job, one) {
  const agent = new http.Agent({ keepAlive: true });
  const stripe = new Stripe("sk_test_scripted", {
    host: "127.0.0.1",
    port: one.port,
    protocol: "http",
    httpAgent: agent,
    maxNetworkRetries: one.retries,
    timeout: one.timed ? job.shortTimeout : job.timeout,
    telemetry: false,
  });
  let attempts = 0;
  stripe.on("request", () => {
    attempts += 1;
  });
  const seen = { waits: [], random: one.random };
  const ending = await running.run(seen, () =>
    call(stripe, one).then(
      () => null,
      (error) => error.type ?? String(error),
    ),
  );
  // The answers that the package retried it has not read: their connections would stay open.
  agent.destroy();
  return { name: one.name, attempts, waits: seen.waits, ending };
}

function call(stripe, one) {
  if (one.method === "GET") return stripe.customers.retrieve(one.id);
  if (one.method === "DELETE") return stripe.customers.del(one.id);
  return stripe.customers.update(one.id, { name: "scripted" });
}

async function main() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const job = JSON.parse(text);
  const left = job.cases.values();
  const worker = async () => {
    for (const one of left) process.stdout.write(JSON.stringify(await run(job, one)) + "\n");
  };
  await Promise.all(Array.from({ length: job.workers }, worker));
}

main();
