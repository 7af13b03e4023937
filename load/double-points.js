// Double points: a promotion begins, customers with cards order, and some look whether their
// points came and were doubled. At the end the promotion ends by its time, it is not deleted:
// orders that were placed in it and complete later still count double.

import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';
import { sleep } from 'k6';
import {
  LAWS, STORE, SUMMARY_TREND_STATS, chooseFrom, closeStore, customerOfThisUser, grace, openStore,
  placeOrder, pointsOf, profile, putPromotion, readMenu, summaryOf, think,
} from './lib.js';

const PROMOTION = 'double-points-load';
const MULTIPLIER = 2;
const MINOR_PER_POINT = 100;
const POINTS_WITHIN_MS = 60000;

const size = profile({
  smoke: { customers: 5, hold: '20s', thinks: [1, 2], looks: 1 },
  full: { customers: 200, hold: '3m', thinks: [6, 18], looks: 0.1 },
});

const pointsMs = new Trend('cafe_points_ms', true);
const pointsRight = new Rate('cafe_points_right');
const pointsMissing = new Counter('cafe_points_missing');

export const options = {
  summaryTrendStats: SUMMARY_TREND_STATS,
  scenarios: {
    customers: {
      executor: 'constant-vus',
      exec: 'customer',
      vus: size.customers,
      duration: size.hold,
      gracefulStop: grace(size.thinks[1]),
    },
  },
  thresholds: {
    ...LAWS,
    cafe_points_right: ['rate==1'],
    cafe_points_missing: ['count==0'],
    cafe_points_ms: ['p(95)<30000'],
  },
};

export function setup() {
  const data = openStore();
  const until = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
  const promotion = { multiplier: MULTIPLIER, from: data.openedAt, until, storeId: STORE };
  putPromotion(PROMOTION, promotion);
  return { ...data, promotion };
}

export function teardown(data) {
  closeStore(data);
  putPromotion(PROMOTION, { ...data.promotion, until: new Date().toISOString() });
}

export function customer(data) {
  const menu = readMenu();
  if (menu !== undefined) {
    think(...size.thinks);
    // a card of its own for each order: the page of points stays short
    const card = `${customerOfThisUser()}-${exec.vu.iterationInScenario}`;
    const order = placeOrder(data, { lines: chooseFrom(menu) }, { customer: card });
    if (order !== undefined && order.id !== undefined && Math.random() < size.looks) {
      look(card, order);
    }
  }
  think(...size.thinks);
}

// Comes back now and then until the points are there.
function look(card, order) {
  const began = Date.now();
  while (Date.now() - began < POINTS_WITHIN_MS) {
    const entry = pointsOf(card, order.id);
    if (entry !== undefined) {
      pointsMs.add(Date.now() - began);
      const wanted = Math.floor(order.totalMinor / MINOR_PER_POINT) * MULTIPLIER;
      pointsRight.add(entry.points === wanted && entry.multiplier === MULTIPLIER);
      return;
    }
    sleep(1);
  }
  // the order may rightly have ended otherwise (declined, say): the audit tells; here it counts
  pointsMissing.add(1);
}

export const handleSummary = summaryOf('double-points');
