// Morning Rush: a thousand customers within two minutes, who read the menu, think, and order.
// Beside them arrivals that do not wait for one another (an open model): a slow cafe does not slow
// them down, so their latency is not flattered by the queue that it makes.

import {
  LAWS, SUMMARY_TREND_STATS, chooseFrom, closeStore, customerOfThisUser, grace, openStore,
  placeOrder, profile, readMenu, summaryOf, think,
} from './lib.js';

const size = profile({
  smoke: { customers: 10, ramp: '5s', hold: '15s', arrivals: 2, spare: 20, thinks: [1, 3] },
  full: { customers: 1000, ramp: '2m', hold: '3m', arrivals: 5, spare: 200, thinks: [20, 60] },
});

export const options = {
  summaryTrendStats: SUMMARY_TREND_STATS,
  scenarios: {
    customers: {
      executor: 'ramping-vus',
      exec: 'customer',
      startVUs: 0,
      stages: [
        { duration: size.ramp, target: size.customers },
        { duration: size.hold, target: size.customers },
        { duration: '10s', target: 0 },
      ],
      gracefulRampDown: grace(size.thinks[1]),
      gracefulStop: grace(size.thinks[1]),
    },
    arrivals: {
      executor: 'constant-arrival-rate',
      exec: 'arrival',
      startTime: size.ramp,
      rate: size.arrivals,
      timeUnit: '1s',
      duration: size.hold,
      preAllocatedVUs: size.spare,
      gracefulStop: grace(),
    },
  },
  thresholds: {
    ...LAWS,
    // without one its latency would be none, and that is low
    'cafe_orders_placed{scenario:arrivals}': ['count>0'],
    'cafe_order_ms{scenario:arrivals}': ['p(95)<1000', 'p(99)<2500'],
    'cafe_menu_ms{scenario:customers}': ['p(95)<500'],
    dropped_iterations: ['count==0'],
  },
};

export const setup = () => openStore();
export const teardown = (data) => closeStore(data);

export function customer(data) {
  const menu = readMenu();
  if (menu !== undefined) {
    think(...size.thinks);
    placeOrder(data, { lines: chooseFrom(menu) }, { customer: customerOfThisUser() });
  }
  think(...size.thinks);
}

// Knows what it wants: one order, nothing else.
export function arrival(data) {
  placeOrder(data, { lines: [{ sku: 'espresso', quantity: 1 }] });
}

export const handleSummary = summaryOf('morning-rush');
