// Devices and users through the page. The devices are set by the command line, on the same store.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { app } from './bed.js';
import { tokens } from './credentials.js';

export const payload = '<img src=x onerror="window.__ran=1">';
export const evil = `"><script>window.__ran=1</script>`;

export const tests = [
  ['a user is found, and the device of a token', async ({ admin, bed, ids }) => {
    const rows = Object.entries(tokens).map(([vendor, token]) => ({ app_id: app, user_id: 'mei', device_id: `phone-${vendor}`, platform: vendor === 'apns' ? 'ios' : 'android',
      certificate_id: ids[vendor], token, registered_at: Date.now() - 3600e3, state: 'offline', badge_base: 3, language: 'zh' }));
    rows.push({ ...rows[0], user_id: evil, device_id: payload, token: tokens.apns.replace('9d3c0f', 'abcdef') });
    bed.write('devices.ndjson', rows.map((row) => JSON.stringify(row)).join('\n'));
    bed.run('device', 'import', 'devices.ndjson', '--config', bed.config);
    await admin.go('users');
    await admin.fill({ app, user: 'mei' });
    await admin.page.locator('main form').first().getByRole('button').click();
    await admin.title('mei');
    for (const vendor of Object.keys(tokens)) await admin.says(new RegExp(`phone-${vendor}`));
    for (const token of Object.values(tokens)) assert.ok(!(await admin.page.content()).includes(token), 'a whole token is on the page');
    await admin.go('users?token=d5igwEhg');
    await admin.says(/phone-xiaomi/);
    await admin.go('users?token=zzzzzzzz');
    await admin.says(/No device has such a token/);
  }],
  ['what a push would do now is told rule by rule', async ({ admin }) => {
    const { page } = admin;
    await admin.go(`users/${app}/mei`);
    const asked = page.locator('section', { has: page.getByRole('heading', { name: 'What a push would do now' }) });
    await asked.locator('button[type=submit]').click();
    await asked.getByText('would be sent').first().waitFor();
    await asked.locator('[name=from]').fill('mei');
    await asked.locator('button[type=submit]').click();
    await asked.getByText('stops it').first().waitFor();
    assert.match(await asked.innerText(), /receiver is the sender/i);
  }],
  ['devices go in and come out as a file, bad lines are named', async ({ admin, bed, ids }) => {
    const { page } = admin;
    const line = (device) => JSON.stringify({ app_id: app, user_id: 'by-file', device_id: device, platform: 'android', registered_at: 1, certificate_id: ids.xiaomi, token: `regid-${device}` });
    const path = bed.write('by-file.ndjson', `${line('one')}\nno line\n${line('two')}\n`);
    await admin.go('users');
    await page.getByRole('link', { name: 'Import and export' }).click();
    await admin.title('Import and export');
    await page.locator('[name=file]').setInputFiles(path);
    await page.getByRole('button', { name: 'Import' }).click();
    await admin.says(/2 rows would be written\.[^]*1 line was left out/);
    assert.equal(await page.locator('table td').first().innerText(), '2');
    assert.equal((await admin.call('get', '/v1/devices', { app, user: 'by-file' })).items.length, 0);
    await page.locator('[name=dry_run]').setChecked(false);
    await page.getByRole('button', { name: 'Import' }).click();
    await admin.says(/2 rows written/);
    assert.equal((await admin.call('get', '/v1/devices', { app, user: 'by-file' })).items.length, 2);
    await page.locator('[name=app]').fill(String(app));
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()]);
    assert.equal(saved.suggestedFilename(), `devices-${app}.ndjson`);
    const text = readFileSync(await saved.path(), 'utf8');
    assert.ok(text.includes('"token":"regid-one"') && text.endsWith('\n'));
    await admin.says(/rows saved/);
    for (const device of ['one', 'two']) await admin.call('remove', '/v1/devices', { app, user: 'by-file', device });
  }],
  ['settings and mutes are changed and taken back', async ({ admin }) => {
    const { page } = admin;
    await admin.go(`users/${app}/mei`);
    await admin.fill({ push: false, language: 'en', sound_c2c: 'ding.caf' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').first().waitFor();
    let user = await admin.call('get', '/v1/users', { app, user: 'mei' });
    assert.deepEqual([user.push, user.language, user.sound_c2c, user.badge], [false, 'en', 'ding.caf', true]);
    await admin.go(`users/${app}/mei`);
    await admin.fill({ push: true });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForFunction(() => document.querySelector('[name=push]')?.checked);
    for (const [kind, target] of [['group', 'team'], ['peer', payload]]) {
      await admin.drawn();
      await admin.fill({ kind, target, unless_mentioned: true });
      await page.getByRole('button', { name: 'Mute', exact: true }).click();
      await page.locator('td', { hasText: target }).waitFor();
    }
    await page.locator('tr', { hasText: 'team' }).getByRole('button', { name: 'Unmute' }).click();
    await admin.confirm();
    await page.locator('tr', { hasText: 'team' }).waitFor({ state: 'detached' });
    user = await admin.call('get', '/v1/users', { app, user: 'mei' });
    assert.deepEqual(user.mutes.map((each) => each.target), [payload]);
    assert.equal(user.push, true);
  }],
  ['a device is unbound after a question', async ({ admin }) => {
    const { page } = admin;
    await admin.go(`users/${app}/mei`);
    const row = page.locator('tr', { hasText: 'phone-meizu' });
    await row.getByRole('button', { name: 'Unbind' }).click();
    await page.locator('dialog[open]').getByRole('button', { name: 'Cancel' }).click();
    await row.getByRole('button', { name: 'Unbind' }).click();
    await admin.confirm();
    await row.waitFor({ state: 'detached' });
  }],
  ['names that are markup are shown as they are, and nothing of them runs', async ({ admin }) => {
    await admin.go(`users/${app}/${encodeURIComponent(evil)}`);
    await admin.title(evil);
    await admin.says(/<img src=x onerror/);
    await admin.go('users?token=abcdef');
    await admin.says(/<script>window/);
    assert.equal(await admin.page.evaluate(() => window.__ran), undefined);
    assert.equal(await admin.page.locator('main img, main script').count(), 0);
  }],
];
