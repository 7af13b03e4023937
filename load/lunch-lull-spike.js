// Lunch lull and spike: almost nobody, then a coach stops outside, then almost nobody again. What
// counts is what the spike leaves behind: afterwards an order must be as quick as before.

import {
  LAWS, SUMMARY_TREND_STATS, closeStore, grace, openStore, placeOrder, profile, summaryOf,
} from './lib.js';

const size = profile({
  smoke: { lull: 1, spike: 10, lullS: 10, spikeS: 10, restS: 5, spare: 40 },
  full: { lull: 2, spike: 20, lullS: 60, spikeS: 60, restS: 30, spare: 300 },
});

function phase(name, rate, startS, lengthS, vus) {
  return {
    executor: 'constant-arrival-rate',
    exec: 'arrival',
    rate,
    timeUnit: '1s',
    startTime: `${startS}s`,
    duration: `${lengthS}s`,
    preAllocatedVUs: vus,
    gracefulStop: grace(),
    tags: { phase: name },
  };
}

const spikeEndsS = size.lullS + size.spikeS;

export const options = {
  summaryTrendStats: SUMMARY_TREND_STATS,
  scenarios: {
    before: phase('before', size.lull, 0, size.lullS, 20),
    spike: phase('spike', size.spike, size.lullS, size.spikeS, size.spare),
    // the last of the spike may still be waiting: the rest is not judged
    rest: phase('rest', size.lull, spikeEndsS, size.restS, 20),
    after: phase('after', size.lull, spikeEndsS + size.restS, size.lullS, 20),
  },
  thresholds: {
    ...LAWS,
    // a phase without an order would have no latency, and that is low
    'cafe_orders_placed{phase:before}': ['count>0'],
    'cafe_orders_placed{phase:spike}': ['count>0'],
    'cafe_orders_placed{phase:after}': ['count>0'],
    'cafe_order_ms{phase:before}': ['p(95)<800'],
    'cafe_order_ms{phase:spike}': ['p(95)<10000'],
    'cafe_order_ms{phase:after}': ['p(95)<800'],
    dropped_iterations: ['count==0'],
  },
};

export const setup = () => openStore();
export const teardown = (data) => closeStore(data);

export function arrival(data) {
  placeOrder(data, { lines: [{ sku: 'flat-white', quantity: 1 }] });
}

export const handleSummary = summaryOf('lunch-lull-spike');
