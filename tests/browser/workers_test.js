// The view of the workers: what stands there of a real one, of one with trouble, and of one that does not answer.
import assert from 'node:assert/strict';
import { app, until } from './bed.js';

const numbers = {
  outcomes: { accepted: 12.5, dead: 0.25 }, put_off: { breaker: 3 }, since_start: { breakers_opened: 2, signers_down: 1, signer_probes: 7 },
  pushes: { in_flight: 4000, in_flight_limit: 4096, waiting: 17, waiting_limit: 100000, grants_waiting: 1 },
  lanes: { connections: 4, draining: 0, streams: 118, streams_limit: 4000, queued: 0 }, http: { connections: 2, open: 1, queued: 0 },
  events: { open: 40, open_limit: 20000 }, kafka: { lag: 1234, oldest_unsettled_s: 61.5, partitions: 12, partitions_paused: null, brokers_down: 1 },
};
const vendor = (name, more) => ({ vendor: name, signers: {}, quotas: [], holds: 0, held_certificates: [], requests: 0, errors: 0, ...more });
const page = () => ({
  every_ms: 100, now: Date.now(), items: [
    { name: 'http://w1:9464', trouble: '', looked_at: Date.now() - 5000, answered_at: Date.now() - 5000, state: { ...numbers, vendors: [
      vendor('apns', { signers: { healthy: 1, silent: 1, failing: 0 }, requests: null, errors: 1.5, holds: 1, held_certificates: [7] }),
      vendor('oppo', { quotas: [{ per: 'day', used: 10000, left: 0 }] })] } },
    { name: '<b>w2</b>', trouble: 'Could not connect', looked_at: Date.now() - 5000, answered_at: Date.now() - 600_000, state: null },
    { name: 'http://w3:9464', trouble: 'Timeout was reached', looked_at: Date.now() - 5000, answered_at: null, state: null },
    { name: 'http://w4:9464', trouble: 'not looked at yet', looked_at: null, answered_at: null, state: null },
  ],
});

export const tests = [
  ['a worker shows how it stands', async ({ admin, bed }) => {
    await bed.worker;
    await until('a look at the worker', async () => (await admin.call('get', '/v1/workers')).items?.[0]?.state, 60_000);
    await admin.go('overview');
    await admin.page.keyboard.press('g');
    await admin.page.keyboard.press('w');
    await admin.title('Workers');
    await admin.says(/http:\/\/127\.0\.0\.1:\d+ Answers/);
    await admin.says(/Records behind in Kafka/);
    await admin.accessible('a real worker');
  }],
  ['what is in trouble stands out, and who does not answer is named', async ({ admin, visitor }) => {
    for (const language of ['en', 'zh']) {
      const reader = language === 'en' ? admin : await visitor({ language, dark: true });
      if (language === 'zh') await reader.logIn((await admin.call('post', '/v1/tokens', { name: 'workers', role: 'viewer', apps: null, expires_at: null })).secret);
      await reader.page.route('**/v1/workers*', (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify(page()) }));
      await reader.go('workers?mocked=1');
      await reader.page.getByText('<b>w2</b>').waitFor();
      const pause = reader.page.locator('.head button');
      await pause.click(); // what axe looks at is not to be drawn anew meanwhile
      await reader.page.waitForTimeout(300);
      assert.equal(await reader.page.locator('.figure.bad').count(), 3); // put off by a breaker, silent signers, brokers
      assert.equal(await reader.page.locator('td .pill.bad').count(), 2); // the silent one, the quota
      await reader.accessible(`workers in trouble (${language})`);
      await reader.shot(`${language}-workers-trouble`);
      await pause.click();
      if (language === 'zh') {
        await reader.says(/1 个无响应，探测中/);
        await reader.close();
      }
    }
    await admin.says(/1 silent, probed/);
    await admin.says(/breaker open 3/);
    await admin.says(/10,000 used, 0 left/);
    await admin.says(/Could not connect[^]*It answered last 10 minutes ago[^]*Timeout was reached[^]*It has not answered yet[^]*Not looked at yet/);
    assert.match(await admin.page.getByRole('link', { name: '#7' }).getAttribute('href'), /certificates/);
  }],
  ['it looks again by itself, keeps the focus and can be paused', async ({ admin }) => {
    const { page: tab } = admin;
    const again = () => tab.waitForRequest((request) => request.url().endsWith('/v1/workers?again=true'));
    await tab.getByRole('region', { name: 'Vendors of http://w1:9464' }).focus();
    await again();
    await again(); // what the first one brought is drawn
    assert.equal(await tab.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Vendors of http://w1:9464');
    await tab.getByRole('button', { name: 'Pause' }).click();
    await tab.waitForTimeout(300);
    let asked = 0;
    tab.on('request', (request) => { asked += request.url().includes('/v1/workers') ? 1 : 0; });
    await tab.waitForTimeout(500);
    assert.equal(asked, 0);
    await tab.getByRole('button', { name: 'Go on' }).click();
    await again();
    await admin.go('overview');
    await tab.unroute('**/v1/workers*');
  }],
  ['who sees some apps alone is not shown the way there, and is refused', async ({ admin, visitor }) => {
    const made = await admin.call('post', '/v1/tokens', { name: 'one-app', role: 'viewer', apps: [app], expires_at: null });
    const reader = await visitor();
    await reader.logIn(made.secret);
    assert.equal(await reader.page.getByRole('link', { name: 'Workers' }).count(), 0);
    await reader.go('workers');
    await reader.says(/workers work for all apps together/);
    await reader.close();
  }],
];
