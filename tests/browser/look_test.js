// Every view in both languages, light and dark: no mistake for axe, screenshots to look at. And the keyboard.
import assert from 'node:assert/strict';
import { app, until } from './bed.js';

const views = (ids, event, group) => ({
  overview: 'overview', certificates: 'certificates', add: 'certificates/add?vendor=apns', 'add-xiaomi': 'certificates/add?vendor=xiaomi', certificate: `certificates/${ids.xiaomi}`, history: `certificates/${ids.history}`,
  removed: 'certificates/removed',
  edit: `certificates/${ids.oppo}/edit`, send: `send?app=${app}&user=mei`, users: 'users?token=d5igwEhg', user: `users/${app}/mei`, files: 'users/files',
  trace: `trace?app=${app}&user=vinson`, event: `trace/${event}`, live: 'live', workers: 'workers', letters: 'letters', tokens: 'tokens', sessions: 'tokens/sessions', audit: 'audit',
  im: `im?app=${app}`, 'im-words': `im/words?app=${app}`, 'im-settings': `im/settings?app=${app}`, 'im-users': `im/users?app=${app}`, 'im-user': `im/users/${app}/max`, 'im-group': `im/groups/${app}/${encodeURIComponent(group)}`, 'im-history': `im/history?app=${app}&user=lily&peer=max`,
});

async function look({ visitor, admin, ids, event, group }, language, dark) {
  const made = await admin.call('post', '/v1/tokens', { name: `look-${language}-${dark}`, role: 'admin', apps: null, expires_at: null });
  const reader = await visitor({ language, dark });
  const mode = `${language}-${dark ? 'dark' : 'light'}`;
  await reader.go('login');
  await reader.accessible('login');
  await reader.shot(`${mode}-login`);
  await reader.logIn(made.secret);
  assert.equal(await reader.page.evaluate(() => document.documentElement.lang), language === 'zh' ? 'zh-CN' : 'en');
  const ground = await reader.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(ground, dark ? 'rgb(14, 18, 26)' : 'rgb(244, 245, 248)');
  for (const [name, route] of Object.entries(views(ids, event, group))) {
    await reader.go(route);
    await reader.page.waitForLoadState('networkidle');
    await reader.accessible(`${name} (${mode})`);
    await reader.shot(`${mode}-${name}`);
  }
  await reader.close();
}

export const tests = [
  ['the first page draws the last hour, and says it as a table', async ({ admin, bed, visitor, tokens }) => {
    const { page } = admin;
    await bed.worker;
    await until('two looks at the worker', async () => (await admin.call('get', '/v1/rates')).points?.some((each) => each.workers > 0), 60_000);
    await admin.go('overview');
    await page.locator('.chart path.line').first().waitFor();
    const chart = page.locator('.chart', { hasText: 'Records in Kafka that wait' });
    await chart.locator('summary').click();
    await chart.getByRole('columnheader', { name: 'Records' }).waitFor();
    const drawn = await page.evaluate(async () => {
      const { ceiling, pathOf } = await import('/charts.js');
      return [[0, 0.3, 1, 1.01, 4999, 70].map(ceiling), pathOf([[0, 1], [1, 2], [2, null], [3, 4], [4, null]]), pathOf([[0, null]])];
    });
    assert.deepEqual(drawn, [[1, 0.5, 1, 2, 5000, 100], 'M0.0 1.0L1.0 2.0M3.0 4.0h0.1', '']);
    await page.route('**/v1/rates', (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ every_ms: 10000, workers: [{ name: '<b>w</b>', trouble: 'nobody answers' }], points: [] }) }));
    await admin.go('overview?again=1');
    await admin.says(/<b>w<\/b> nobody answers/);
    await page.unroute('**/v1/rates');
    // What is not known is not said to be nothing.
    const away = [1, 2, 3].map((n) => ({ at: Date.now() - 60_000 + n * 10_000, workers: 0, outcomes: {}, errors: {}, lag: null }));
    await page.route('**/v1/rates', (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ every_ms: 10000, workers: [{ name: 'w', trouble: 'nobody answers' }], points: away }) }));
    await admin.go('overview?again=2');
    await admin.says(/No worker could be read twice in a row/);
    assert.equal(await page.getByText('No pushes in the last hour.').count(), 0);
    await page.unroute('**/v1/rates');
    const viewer = await visitor();
    await viewer.logIn(tokens.viewer);
    await viewer.page.locator('.chart').first().waitFor();
    await viewer.close();
  }],
  // Side by side: they take longest, and wait for nothing.
  ['every view is accessible, in English and light, in Chinese and dark', (world) => Promise.all([look(world, 'en', false), look(world, 'zh', true)])],
  ['dialogs are accessible and keep the focus', async ({ admin, ids }) => {
    const { page } = admin;
    await admin.go(`certificates/${ids.apns}`);
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.locator('dialog[open]').waitFor();
    await admin.accessible('the dialog');
    await admin.shot('en-light-dialog');
    for (let i = 0; i < 8; ++i) {
      await page.keyboard.press('Tab');
      assert.ok(await page.evaluate(() => document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)), 'the focus left the dialog');
    }
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.innerText), 'Remove');
  }],
  ['the keyboard leads everywhere, and not while one types', async ({ admin }) => {
    const { page } = admin;
    await admin.go('overview');
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await admin.title('Certificates');
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1');
    await page.keyboard.press('n');
    await admin.title('Add a certificate');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await admin.title('Trace');
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('/');
    await page.keyboard.type('gc?n');
    assert.equal(await page.locator('[name=event]').inputValue(), 'gc?n');
    await admin.title('Trace');
    await admin.go('audit');
    await page.keyboard.press('?');
    await page.locator('dialog[open] kbd').first().waitFor();
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement.blur());
    await page.reload();
    await admin.drawn();
    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  }],
  ['language and theme are switched and kept', async ({ visitor, tokens }) => {
    const reader = await visitor();
    await reader.logIn(tokens.viewer);
    await reader.page.getByRole('button', { name: '中文' }).click();
    await reader.title('概览');
    await reader.page.getByRole('button', { name: '主题：跟随系统' }).click();
    await reader.page.getByRole('button', { name: '主题：浅色' }).click();
    await reader.page.reload();
    await reader.title('概览');
    assert.equal(await reader.page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(14, 18, 26)');
    await reader.page.getByRole('button', { name: 'English' }).click();
    await reader.title('Overview');
    await reader.close();
  }],
  ['it fits a narrow screen', async ({ visitor, tokens, ids }) => {
    const reader = await visitor({ width: 390 });
    await reader.logIn(tokens.operator);
    for (const route of ['overview', 'workers', `certificates/${ids.apns}`, `certificates/${ids.history}`, 'certificates/add?vendor=apns', `users/${app}/mei`, `send?app=${app}&user=mei`]) {
      await reader.go(route);
      const { wide, screen } = await reader.page.evaluate(() => ({ wide: document.documentElement.scrollWidth, screen: innerWidth }));
      assert.ok(wide <= screen, `${route}: ${wide} px wide`);
    }
    await reader.shot('narrow-send');
    await reader.close();
  }],
  ['nothing went wrong on the page all the while', ({ admin }) => admin.calm()],
];
