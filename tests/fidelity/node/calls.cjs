// Makes calls through the official package, as they come: a call a line on stdin, and what came of
// it a line on stdout, whichever ends first.
"use strict";

const http = require("node:http");
const readline = require("node:readline");
const Stripe = require("stripe");

const DESTINATION = {
  enabled_events: ["customer.created"],
  event_payload: "thin",
  type: "webhook_endpoint",
  webhook_endpoint: { url: "https://example.com/hook" },
};

const CALLS = {
  "customers.create": (stripe, { params }, options) => stripe.customers.create(params, options),
  "customers.retrieve": (stripe, { id }, options) => stripe.customers.retrieve(id, {}, options),
  "customers.update": (stripe, { id, params }, options) =>
    stripe.customers.update(id, params, options),
  "customers.delete": (stripe, { id }, options) => stripe.customers.del(id, {}, options),
  "payment_intents.create": (stripe, { params }, options) =>
    stripe.paymentIntents.create(params, options),
  "payment_intents.confirm": (stripe, { id, params }, options) =>
    stripe.paymentIntents.confirm(id, params, options),
  "destinations.create": (stripe, { params }, options) =>
    stripe.v2.core.eventDestinations.create({ ...DESTINATION, ...params }, options),
  "destinations.update": (stripe, { id, params }, options) =>
    stripe.v2.core.eventDestinations.update(id, params, options),
  "destinations.delete": (stripe, { id }, options) =>
    stripe.v2.core.eventDestinations.del(id, {}, options),
};

function client(port) {
  return new Stripe("sk_test_scripted", {
    host: "127.0.0.1",
    port,
    protocol: "http",
    httpAgent: new http.Agent({ keepAlive: false }),
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

async function outcome(call) {
  const stripe = client(call.port);
  const options = {};
  if (call.key !== null) options.idempotencyKey = call.key;
  if (call.account !== null) options.stripeAccount = call.account;
  try {
    const object = await CALLS[call.call](stripe, call, options);
    const { statusCode: status, headers } = object.lastResponse;
    return { status, body: object, headers };
  } catch (error) {
    if (error.statusCode === undefined) throw error;
    return {
      status: error.statusCode,
      kind: error.type,
      code: error.code ?? null,
      message: error.message,
      headers: error.headers,
    };
  }
}

async function main() {
  const lines = readline.createInterface({ input: process.stdin });
  for await (const line of lines) {
    const call = JSON.parse(line);
    outcome(call).then(
      (seen) => process.stdout.write(JSON.stringify({ number: call.number, ...seen }) + "\n"),
      (error) =>
        process.stdout.write(JSON.stringify({ number: call.number, broke: String(error) }) + "\n"),
    );
  }
}

main();
