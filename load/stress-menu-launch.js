// Seasonal menu launch: a new menu is published again and again while customers order by what they
// were shown. A customer who was shown another price is refused (409 price-changed), reads the menu
// anew and decides again: with a new key, because it is a new order. Nobody pays what they did not see.

import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { sleep } from 'k6';
import {
  LAWS, MENU, SUMMARY_TREND_STATS, chooseFrom, closeStore, customerOfThisUser, figures, grace,
  openStore, placeOrder, profile, putMenu, readMenu, summaryOf, think, totalOf,
} from './lib.js';

const size = profile({
  smoke: { customers: 8, hold: '25s', everyS: 5, thinks: [0.5, 1.5], rests: [0, 0] },
  full: { customers: 400, hold: '3m', everyS: 20, thinks: [3, 8], rests: [20, 60] },
});

const MOST_READINGS = 8;
const SEASONAL = ['pumpkin-latte', 'chestnut-cake'];

const overcharged = new Counter('cafe_orders_overcharged');
const launches = new Counter('cafe_menus_launched');

export const options = {
  summaryTrendStats: SUMMARY_TREND_STATS,
  scenarios: {
    customers: {
      executor: 'constant-vus',
      exec: 'guest',
      vus: size.customers,
      duration: size.hold,
      gracefulStop: grace(size.rests[1] + size.thinks[1]),
    },
    kitchen: {
      executor: 'constant-arrival-rate',
      exec: 'launch',
      rate: 1,
      timeUnit: `${size.everyS}s`,
      startTime: `${size.everyS}s`,
      duration: size.hold,
      preAllocatedVUs: 2,
    },
  },
  thresholds: {
    ...LAWS,
    cafe_orders_overcharged: ['count==0'],
    // a launch that nobody met has tested nothing
    cafe_menus_launched: ['count>0'],
    cafe_prices_changed: ['count>0'],
    cafe_order_ms: ['p(95)<5000'],
    cafe_menu_ms: ['p(95)<500'],
  },
};

export const setup = () => openStore(SEASONAL);
export const teardown = (data) => closeStore(data);

export function guest(data) {
  think(...size.rests); // with a menu in hand they decide faster than menus change
  for (let reading = 0; reading < MOST_READINGS; reading += 1) {
    const menu = readMenu();
    if (menu === undefined) {
      sleep(1);
      continue;
    }
    think(...size.thinks);
    const lines = chooseFrom(menu);
    const expectedTotalMinor = totalOf(menu, lines);
    const customer = customerOfThisUser();
    const order = placeOrder(data, { lines, expectedTotalMinor }, { customer });
    if (order === undefined) return;
    if (order.refused === undefined) {
      if (order.totalMinor !== expectedTotalMinor) overcharged.add(1);
      return;
    }
    // shown the menu of a moment ago, or the order service still knows the one before
    figures.priceChanged.add(1, { why: order.refused });
  }
  figures.abandoned.add(1);
  figures.succeeded.add(false);
}

// The base menu a little dearer or cheaper, with the season's items on sale from this moment.
export function launch() {
  const round = exec.scenario.iterationInTest + 1;
  const from = new Date().toISOString();
  const until = new Date(Date.now() + 3600 * 1000).toISOString();
  const base = MENU.items.map((item) => ({ ...item, priceMinor: item.priceMinor + (round % 7) * 10 }));
  const season = SEASONAL.map((sku, index) => ({
    sku, name: `${sku} ${round}`, priceMinor: 450 + index * 50 + (round % 5) * 10,
    category: 'season', availableFrom: from, availableUntil: until,
  }));
  putMenu([...base, ...season.slice(0, 1 + (round % 2))]);
  launches.add(1);
}

export const handleSummary = summaryOf('stress-menu-launch');
