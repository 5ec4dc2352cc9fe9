// A merchant's day through the official package: a job as JSON on stdin, what was seen on stdout.
"use strict";

const http = require("node:http");
const Stripe = require(process.env.STRIPE_PACKAGE);

// Takes webhooks and checks their signatures; the first of each is refused, to be sent again.
class Receiver {
  constructor(stripe) {
    this.stripe = stripe;
    this.secret = null;
    this.events = new Map();
    this.refused = 0;
    this.forged = 0;
    this.server = http.createServer((request, response) => this.take(request, response));
  }

  listen() {
    return new Promise((resolve) => {
      this.server.listen(0, "127.0.0.1", () =>
        resolve(`http://127.0.0.1:${this.server.address().port}/hooks`),
      );
    });
  }

  take(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      response.statusCode = this.answer(Buffer.concat(chunks), request.headers);
      response.end();
    });
  }

  answer(body, headers) {
    const signature = headers["stripe-signature"];
    const event = this.stripe.webhooks.constructEvent(body, signature, this.secret);
    try {
      this.stripe.webhooks.constructEvent(body + " ", signature, this.secret);
    } catch (error) {
      if (error.type === "StripeSignatureVerificationError") this.forged += 1;
    }
    if (this.refused === 0) {
      this.refused += 1;
      return 429;
    }
    this.events.set(event.id, event.type);
    return 200;
  }

  async waitFor(types) {
    const giveUp = Date.now() + 30_000;
    const seen = () => new Set(this.events.values());
    while (!types.every((type) => seen().has(type))) {
      if (Date.now() > giveUp) throw new Error(`only ${[...seen()].sort()} came`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  close() {
    return new Promise((resolve) => this.server.close(resolve));
  }
}

async function story(job) {
  const stripe = new Stripe("sk_test_story", {
    host: "127.0.0.1",
    port: job.port,
    protocol: "http",
    maxNetworkRetries: 10,
    telemetry: false,
  });
  const receiver = new Receiver(stripe);
  const endpoint = await stripe.webhookEndpoints.create({
    url: await receiver.listen(),
    enabled_events: ["*"],
  });
  receiver.secret = endpoint.secret;

  const customer = await stripe.customers.create({ email: "ada@example.com", name: "Ada" });
  const method = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
  await stripe.customers.update(customer.id, {
    invoice_settings: { default_payment_method: method.id },
  });
  const product = await stripe.products.create({ name: "Gold" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 2000,
    recurring: { interval: "month" },
  });
  const coupon = await stripe.coupons.create({ percent_off: 25, duration: "once" });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id, quantity: 2 }],
    discounts: [{ coupon: coupon.id }],
    expand: ["latest_invoice"],
  });

  const draft = await stripe.invoices.create({ customer: customer.id, auto_advance: false });
  await stripe.invoiceItems.create({
    customer: customer.id,
    amount: 1500,
    currency: "usd",
    invoice: draft.id,
  });
  const finalized = await stripe.invoices.finalizeInvoice(draft.id);
  const paid = await stripe.invoices.pay(draft.id);

  const intent = await stripe.paymentIntents.create({
    amount: 5000,
    currency: "usd",
    customer: customer.id,
    payment_method: method.id,
    confirm: true,
    automatic_payment_methods: { enabled: true, allow_redirects: "never" },
  });
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 1200 });
  let declined = null;
  try {
    await stripe.paymentIntents.create({
      amount: 100,
      currency: "usd",
      payment_method: "pm_card_visa_chargeDeclinedInsufficientFunds",
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: "never" },
    });
  } catch (error) {
    declined = { type: error.type, code: error.code, declineCode: error.decline_code };
  }

  let requests = 0;
  stripe.on("request", () => {
    requests += 1;
  });
  const numbers = Array.from({ length: job.concurrent }, (_, number) => number);
  const contended = await Promise.all(
    numbers.map((number) =>
      stripe.customers.update(customer.id, { metadata: { [`field_${number}`]: "done" } }),
    ),
  );
  const attempts = requests;

  await receiver.waitFor(job.events);
  const listed = [];
  for await (const event of stripe.events.list({ limit: 100 })) listed.push(event.type);
  const balance = await stripe.balance.retrieve();
  const fees = [];
  for await (const moved of stripe.balanceTransactions.list({ limit: 3 })) fees.push(moved.fee);
  await stripe.webhookEndpoints.del(endpoint.id);
  await receiver.close();
  return {
    customer: customer.id,
    subscription: { status: subscription.status, paid: subscription.latest_invoice.amount_paid },
    invoice: { finalized: finalized.status, paid: paid.status, amount: paid.amount_paid },
    intent: intent.status,
    refund: refund.status,
    declined,
    updates: contended.length,
    attempts,
    fields: Object.keys((await stripe.customers.retrieve(customer.id)).metadata).length,
    events: [...receiver.events.values()],
    forged: receiver.forged,
    refused: receiver.refused,
    listed,
    balance: { available: balance.available, pending: balance.pending },
    fees,
  };
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const seen = await story(JSON.parse(Buffer.concat(chunks)));
  // The package's idle connections would keep the process for its timeout of 80 seconds.
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
