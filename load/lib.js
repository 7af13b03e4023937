// What the load scenarios share: a store of their own, customers who order as a till should (one
// key an order, the same key for its retries), figures, and a summary. Each scenario imports this.
//
// The store is not a CafeStore: a scenario opens it by the services' own APIs, changes its menu as
// it likes, and closes it at the end. No operator puts anything back meanwhile.

import crypto from 'k6/crypto';
import exec from 'k6/execution';
import http from 'k6/http';
import { fail, sleep } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';

export const PROFILE = __ENV.PROFILE || 'smoke';
export const STORE = __ENV.STORE || 'load-cafe';
const ORDER_URL = __ENV.ORDER_URL || 'http://order:8080';
const MENU_URL = __ENV.MENU_URL || 'http://menu:8080';
const LOYALTY_URL = __ENV.LOYALTY_URL || 'http://loyalty:8080';
const INVENTORY_URL = __ENV.INVENTORY_URL || 'http://inventory:8080';
const SUMMARY = __ENV.SUMMARY || 'load-summary.json';

// A customer waits this long for an order, whatever is broken meanwhile.
const PATIENCE_MS = Number(__ENV.PATIENCE_MS || 60000);
const ONE_TRY = '10s';
const LONGEST_PAUSE_S = 5;
const REPLAYED_SHARE = 0.01;
const STOCK = 1000000; // the most that one item takes

export const figures = {
  // from the first try to the acknowledgement: what the customer waited
  orderMs: new Trend('cafe_order_ms', true),
  menuMs: new Trend('cafe_menu_ms', true),
  placed: new Counter('cafe_orders_placed'),
  // the customer left without an order
  abandoned: new Counter('cafe_orders_abandoned'),
  succeeded: new Rate('cafe_orders_succeeded'),
  // tries that were refused, shed or lost, and repeated with the same key
  repeated: new Counter('cafe_tries_repeated'),
  // a repeated key answered by another order: must never happen
  doubled: new Counter('cafe_orders_doubled'),
  priceChanged: new Counter('cafe_prices_changed'),
};

http.setResponseCallback(http.expectedStatuses({ min: 200, max: 499 }, 503, 504));

// Picks the options of the profile that was asked for.
export function profile(choices) {
  const chosen = choices[PROFILE];
  if (chosen === undefined) {
    fail(`there is no profile ${PROFILE}: choose among ${Object.keys(choices).join(', ')}`);
  }
  return chosen;
}

// What k6 leaves to who is still there when a scenario is over, and may think before they order: an
// order that it cut off would count neither as succeeded nor as abandoned.
export function grace(thinksS = 0) {
  return `${Math.ceil(PATIENCE_MS / 1000 + thinksS) + 30}s`;
}

// What every scenario must keep, whatever else it measures.
export const LAWS = {
  cafe_orders_doubled: ['count==0'],
  cafe_orders_placed: ['count>0'],
  cafe_orders_succeeded: ['rate>0.99'],
};

export const MENU = {
  currency: 'EUR',
  items: [
    { sku: 'espresso', name: 'Espresso', priceMinor: 180, category: 'coffee' },
    { sku: 'flat-white', name: 'Flat white', priceMinor: 340, category: 'coffee' },
    { sku: 'oat-latte', name: 'Oat latte', priceMinor: 390, category: 'coffee' },
    { sku: 'croissant', name: 'Croissant', priceMinor: 260, category: 'bakery' },
    { sku: 'cake', name: 'Cake of the day', priceMinor: 420, category: 'bakery' },
  ],
};

// Opens the store; returns what every customer needs to know. Called by `setup`.
export function openStore(extraSkus = []) {
  const tillKey = hex(24);
  const store = {
    name: 'Load cafe', city: 'Porto', timezone: 'Europe/Lisbon', currency: MENU.currency,
    acceptingOrders: true, tillKeySha256: crypto.sha256(tillKey, 'hex'),
  };
  must('PUT', `${ORDER_URL}/stores/${STORE}`, store);
  putMenu(MENU.items);
  const skus = [...MENU.items.map((item) => item.sku), ...extraSkus];
  must('PUT', `${INVENTORY_URL}/stores/${STORE}/stock`, {
    items: skus.map((sku) => ({ sku, quantity: STOCK })),
  });
  return { tillKey, openedAt: new Date().toISOString() };
}

// No customer comes after it; orders on their way go on. Called by `teardown`.
export function closeStore(data) {
  must('PUT', `${ORDER_URL}/stores/${STORE}`, {
    name: 'Load cafe', city: 'Porto', timezone: 'Europe/Lisbon', currency: MENU.currency,
    acceptingOrders: false, closedReason: 'the load test is over',
    tillKeySha256: crypto.sha256(data.tillKey, 'hex'),
  });
}

export function putMenu(items) {
  must('PUT', `${MENU_URL}/stores/${STORE}/menu`, { currency: MENU.currency, items });
}

export function putPromotion(name, promotion) {
  must('PUT', `${LOYALTY_URL}/promotions/${name}`, promotion);
}

// The points that an order brought, or undefined while they are on their way.
export function pointsOf(customer, orderId) {
  const response = http.get(`${LOYALTY_URL}/customers/${customer}/points?limit=20`, {
    headers: service(), tags: { name: 'points' }, timeout: ONE_TRY,
  });
  if (response.status !== 200) return undefined;
  return response.json('entries').find((entry) => entry.orderId === orderId);
}

// The menu as a customer sees it; the last one known while the service is away, as an app would.
let lastMenu;
let lastTag = '';
export function readMenu() {
  const headers = lastTag === '' ? {} : { 'If-None-Match': lastTag };
  const response = http.get(`${MENU_URL}/stores/${STORE}/menu`, {
    headers, tags: { name: 'menu' }, timeout: ONE_TRY,
  });
  figures.menuMs.add(response.timings.duration);
  if (response.status === 200) {
    lastMenu = response.json();
    lastTag = response.headers.Etag || response.headers.ETag || '';
  }
  return lastMenu;
}

// One to three different items of a menu.
export function chooseFrom(menu) {
  const count = Math.min(menu.items.length, 1 + Math.floor(Math.random() * 3));
  const start = Math.floor(Math.random() * menu.items.length);
  return Array.from({ length: count }, (_, index) => ({
    sku: menu.items[(start + index) % menu.items.length].sku,
    quantity: 1 + Math.floor(Math.random() * 2),
  }));
}

// What a customer expects to pay; undefined when something is no longer on the menu.
export function totalOf(menu, lines) {
  const prices = new Map(menu.items.map((item) => [item.sku, item.priceMinor]));
  if (lines.some((line) => !prices.has(line.sku))) return undefined;
  return lines.reduce((sum, line) => sum + line.quantity * prices.get(line.sku), 0);
}

// Places one order and returns it, or `{ refused: slug }` where only the customer can go on
// (another price, an item that is gone), or undefined when the customer's patience is at its end.
// The figures count it.
export function placeOrder(data, order, { customer = null } = {}) {
  const began = Date.now();
  const body = JSON.stringify({ storeId: STORE, customerId: customer, ...order });
  const headers = {
    Authorization: `Bearer ${data.tillKey}`,
    'Content-Type': 'application/json',
    'Idempotency-Key': `load-${hex(16)}`,
  };
  for (let attempt = 0; Date.now() - began < PATIENCE_MS; attempt += 1) {
    const response = tryOrder(body, headers);
    if (response.status === 201) return placed(response, body, headers, began);
    const slug = slugOf(response);
    if (slug === 'price-changed' || slug === 'unknown-item') return { refused: slug };
    if (!mayRepeat(response, slug)) {
      console.error(`order refused: ${response.status} ${String(response.body).slice(0, 300)}`);
      break;
    }
    figures.repeated.add(1, { status: String(response.status) });
    pause(response, attempt);
  }
  figures.abandoned.add(1);
  figures.succeeded.add(false);
  return undefined;
}

function tryOrder(body, headers) {
  return http.post(`${ORDER_URL}/orders`, body, {
    headers, tags: { name: 'order' }, timeout: ONE_TRY,
  });
}

function placed(response, body, headers, began) {
  figures.orderMs.add(Date.now() - began);
  figures.placed.add(1);
  figures.succeeded.add(true);
  const order = response.json();
  if (Math.random() < REPLAYED_SHARE) {
    // as a till whose answer got lost
    const again = tryOrder(body, headers);
    if (again.status === 201 && again.body !== response.body) figures.doubled.add(1);
  }
  return order;
}

// No answer, too busy, or the first try is still on its way. A closed store is none of these.
function mayRepeat(response, slug) {
  return [0, 429, 502, 503, 504].includes(response.status) || slug === 'request-in-flight';
}

function pause(response, attempt) {
  const wanted = Number(response.headers['Retry-After'] || 0);
  const backoff = Math.min(LONGEST_PAUSE_S, 0.2 * 2 ** attempt);
  // jitter, so that a thousand customers do not come back at the same moment
  sleep(Math.max(wanted, backoff) * (0.5 + Math.random()));
}

function slugOf(response) {
  try {
    return String(response.json('type') || '').split('/').pop();
  } catch {
    return ''; // no problem document: a proxy's page, or nothing at all
  }
}

// Between two things that a person does.
export function think(least, most) {
  sleep(least + Math.random() * (most - least));
}

export function customerOfThisUser() {
  return `guest-${exec.vu.idInTest}`;
}

function service() {
  const token = __ENV.SERVICE_TOKEN;
  if (!token) fail('SERVICE_TOKEN is not set: the token of Secret cloudcafe-service-token');
  return { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
}

// Setting up may meet a service that is just starting.
function must(method, url, body) {
  let response;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    response = http.request(method, url, JSON.stringify(body), {
      headers: service(), tags: { name: 'setup' }, timeout: ONE_TRY,
    });
    if (response.status >= 200 && response.status < 300) return response;
    if (response.status >= 400 && response.status < 500) break;
    sleep(Math.min(LONGEST_PAUSE_S, 0.2 * 2 ** attempt));
  }
  return fail(`${method} ${url}: ${response.status} ${String(response.body).slice(0, 500)}`);
}

function hex(bytes) {
  return Array.from(new Uint8Array(crypto.randomBytes(bytes)), (byte) =>
    byte.toString(16).padStart(2, '0')).join('');
}

// A compact table for people, and everything as JSON for programs.
export function summaryOf(scenario) {
  return (data) => {
    const rows = Object.keys(data.metrics).filter(isOurs).sort()
      .map((name) => [name, shown(data.metrics[name])]);
    const wide = Math.max(...rows.map(([name]) => name.length));
    const lines = rows.map(([name, text]) => `  ${name.padEnd(wide)}  ${text}`);
    const verdicts = Object.entries(data.metrics).flatMap(([name, metric]) =>
      Object.entries(metric.thresholds || {}).map(([rule, found]) =>
        `  ${found.ok ? 'ok    ' : 'BROKEN'} ${name}: ${rule}`));
    const table = [`${scenario} (${PROFILE})`, ...lines, 'thresholds', ...verdicts, ''].join('\n');
    const json = JSON.stringify({ scenario, profile: PROFILE, store: STORE, metrics: data.metrics });
    // one stream carries both in a pod: the last line is the JSON
    if (SUMMARY === 'stdout') return { stdout: `\n${table}\n${json}\n` };
    return { stdout: `\n${table}\n`, [SUMMARY]: `${json}\n` };
  };
}

function isOurs(name) {
  return name.startsWith('cafe_')
    || ['http_reqs', 'http_req_failed', 'iterations', 'dropped_iterations', 'vus_max'].includes(name);
}

function shown({ type, values }) {
  if (type === 'trend') {
    return ['med', 'p(95)', 'p(99)', 'max'].map((key) => `${key} ${number(values[key])} ms`).join('  ');
  }
  if (type === 'rate') return `${(values.rate * 100).toFixed(2)} %`;
  if (type === 'counter') return `${values.count} (${number(values.rate)}/s)`;
  return `${number(values.value)}`;
}

function number(value) {
  return value === undefined ? '–' : value.toFixed(value < 10 ? 1 : 0);
}

export const SUMMARY_TREND_STATS = ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'];
