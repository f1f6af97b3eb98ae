// The companion's pages: who looks, who changes, and who alone reads what people wrote.
import assert from 'node:assert/strict';
import { app } from './bed.js';
import { payload } from './people_test.js';

const groupName = '<i onload=x()>team';
const reason = 'ticket 4711: a threat was reported';

/// lily writes to max and in a group, by markup; a message of hers is recalled later.
function write(bed) {
  for (const user of ['lily', 'max']) bed.chat(['/background'], '--user', user, '--platform', 'android');
  bed.chat([payload, 'this one was a mistake'], '--user', 'lily', '--to', 'max');
  bed.chat([`/create Public ${groupName}`, 'hello group'], '--user', 'lily');
}

export const tests = [
  ['users and groups are found with their devices, and nothing that they wrote', async (world) => {
    const { bed, visitor, tokens } = world;
    write(bed);
    const viewer = await visitor();
    const { page } = viewer;
    await viewer.logIn(tokens.viewer);
    await viewer.go(`im?app=${app}`);
    await viewer.says(/Devices of app[^]*Android/);
    await viewer.fill({ app, kind: 'users', prefix: 'li' });
    await page.getByRole('button', { name: 'Find' }).click();
    await viewer.title('Users');
    await page.getByRole('link', { name: 'lily', exact: true }).click();
    await viewer.title('lily');
    await viewer.says(/logged in/);
    assert.equal(await page.getByText('Read messages').count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Kick' }).count(), 0);
    await page.getByRole('link', { name: /^@TGS#/ }).click();
    await viewer.title(groupName);
    await viewer.says(/Members[^]*lily[^]*Owner/);
    world.group = decodeURIComponent(new URL(page.url()).hash.split('/').at(-1));
    await viewer.go(`im/groups?app=${app}&name=TEAM`);
    await page.getByRole('link', { name: world.group, exact: true }).waitFor();
    await viewer.go(`im/users?app=${app}&prefix=zz`);
    await viewer.says(/Nothing was found/);
    // Names that paths fold away are asked for as they are.
    for (const name of ['nobody-at-all', '.', '..', 'a/../b', '?x=1#2']) {
      await viewer.go(`im/users/${app}/${encodeURIComponent(name)}`);
      await viewer.says(/Not found/);
      await viewer.says(/has no such user/);
    }
    // The server refuses what the page does not offer.
    const refused = await viewer.call('post', '/v1/im/history', { app_id: app, reason, user: 'lily', peer: 'max' });
    assert.deepEqual([refused.failed, refused.code], [403, 'forbidden']);
    await page.route('**/v1/im/totals*', (route) => route.fulfill({ status: 404, contentType: 'application/json', body: JSON.stringify({ error: { code: 'no_companion', message: 'this store has none' } }) }));
    await viewer.go(`im?app=${app}&again=1`);
    await viewer.says(/There is no companion here/);
    assert.equal(await page.evaluate(() => window.__ran), undefined);
    await viewer.close();
  }],
  ['an operator kicks and silences, by the IM server', async ({ visitor, tokens, admin }) => {
    const ops = await visitor();
    const { page } = ops;
    await ops.logIn(tokens.operator);
    await ops.go(`im/users/${app}/max`);
    await ops.fill({ groups_until: '1h' });
    await page.getByRole('button', { name: 'Silence' }).click();
    await page.getByText('Saved.').first().waitFor();
    const silent = await ops.call('get', `/v1/im/user?app=${app}&user=max`);
    assert.ok(silent.silent_in_groups_until > Date.now() + 3_500_000 && silent.silent_in_chats_until === null, JSON.stringify(silent));
    await page.getByRole('button', { name: 'Kick' }).click();
    await page.locator('dialog[open]').getByText('Kick max?').waitFor();
    await ops.confirm();
    await page.getByText('max was kicked.').first().waitFor();
    const kicked = await ops.call('get', `/v1/im/user?app=${app}&user=max`);
    assert.ok(kicked.signatures_from > 0 && kicked.devices.every((each) => each.state === 'logged_out'), JSON.stringify(kicked));
    const { items } = await admin.call('get', '/v1/audit', { what: 'im.' });
    assert.deepEqual(items.slice(0, 2).map((each) => [each.what, each.object, each.outcome]), [['im.kick', 'max', 'done'], ['im.silence', 'max', 'done']]);
    await ops.close();
  }],
  ['messages are read by a reader, with a reason, as text, and each look is recorded', async (world) => {
    const { admin, bed, visitor } = world;
    world.tokens.reader = bed.run('token', 'add', '--name', 'legal', '--role', 'viewer', '--reader', '--config', bed.config).trim();
    const reader = await visitor();
    const { page } = reader;
    await reader.logIn(world.tokens.reader);
    await reader.go(`im/users/${app}/lily`);
    await page.getByRole('button', { name: 'Show the conversations' }).click();
    await page.locator('tr', { hasText: 'max' }).getByRole('link', { name: 'Read messages' }).click();
    await reader.title('Private messages');
    assert.ok(!(await page.content()).includes('a mistake'), 'something is shown before a reason is given');
    await page.getByRole('button', { name: 'Read messages' }).click();
    await reader.says(/Needed/);
    await reader.fill({ reason: 'why not' });
    await page.getByRole('button', { name: 'Read messages' }).click();
    await reader.says(/say why/);
    await reader.fill({ reason });
    await page.getByRole('button', { name: 'Read messages' }).click();
    await reader.says(/<img src=x onerror[^]*this one was a mistake/);
    await reader.accessible('private messages');
    await reader.shot('en-light-messages');
    assert.equal(await page.evaluate(() => window.__ran), undefined);
    assert.equal(await page.locator('main img, main script').count(), 0);

    const { items } = await reader.call('post', '/v1/im/history', { app_id: app, reason, user: 'max', peer: 'lily' });
    bed.chat([`/recall ${items.at(-1).message_id}`], '--user', 'lily', '--to', 'max');
    await page.getByRole('button', { name: 'Read messages' }).click();
    await page.locator('td .pill', { hasText: 'recalled' }).waitFor();
    assert.ok(!(await reader.text()).includes('a mistake'), 'a recalled message is shown');

    await reader.go(`im/history?app=${app}&group=${encodeURIComponent(world.group)}`);
    await reader.fill({ reason });
    await page.getByRole('button', { name: 'Read messages' }).click();
    await reader.says(/hello group/);

    const audit = await admin.call('get', '/v1/audit', { what: 'im.' });
    const looks = audit.items.filter((each) => each.who === 'legal').map((each) => each.what);
    assert.deepEqual(looks, ['im.history', 'im.history', 'im.history', 'im.history', 'im.chats']);
    assert.ok(audit.items.filter((each) => each.what === 'im.history').every((each) => each.after.reason === reason && each.from));
    assert.ok(!JSON.stringify(audit).includes('hello group'), 'the audit log holds a message');
    await admin.go('audit?what=im.history');
    await admin.says(/Private messages read[^]*ticket 4711/);
    await reader.close();
  }],
  ['an administrator keeps the app\'s words, which the command line has, too', async ({ admin, bed, visitor, tokens }) => {
    const { page } = admin;
    const word = '<b onclick=x()>darn';
    const part = (title) => page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) });
    const shown = (text) => page.locator('td code', { hasText: text });
    await admin.go(`im/words?app=${app}`);
    await admin.says(/No words/);
    await part('Add a word').locator('[name=word]').fill(word);
    await part('Add a word').locator('[name=action]').selectOption('mask');
    await part('Add a word').locator('[type=submit]').click();
    await shown(word).waitFor();
    await admin.drawn();
    await part('Add a word').locator('[name=word]').fill('...');
    await part('Add a word').locator('[type=submit]').click();
    await admin.says(/nothing but blanks/);
    const read = async (name, text) => {
      await part('Import a list').locator('[type=file]').setInputFiles(bed.write(name, text));
      await part('Import a list').locator('[type=submit]').click();
    };
    await read('odd.txt', 'worse\nodd\tshout\n');
    await admin.says(/line 2: action/);
    await read('good.txt', 'worse\nWorst\tmask\n');
    await shown('Worst').waitFor();
    await admin.drawn();
    const listed = JSON.parse(bed.run('im-words', 'list', '--app', String(app), '--config', bed.config, '--json'));
    assert.deepEqual(listed, [{ word, action: 'mask' }, { word: 'worse', action: 'refuse' }, { word: 'Worst', action: 'mask' }]);
    await admin.go(`im/words?app=${app}&holds=WORS`);
    assert.equal(await shown('darn').count(), 0);
    await page.locator('tr', { hasText: 'Worst' }).getByRole('button', { name: 'Remove' }).click();
    await admin.confirm();
    await shown('Worst').waitFor({ state: 'detached' });
    const viewer = await visitor();
    await viewer.logIn(tokens.viewer);
    await viewer.go(`im/words?app=${app}`);
    await viewer.says(/worse[^]*Refused/);
    assert.equal(await viewer.page.locator('[name=word]').count(), 0);
    const refused = await viewer.call('put', '/v1/im/words', { app_id: app, word: 'mine' });
    assert.deepEqual([refused.failed, refused.code], [403, 'forbidden']);
    await viewer.close();
    const { items } = await admin.call('get', '/v1/audit', { what: 'im_word.' });
    assert.deepEqual(items.map((each) => [each.what, each.before?.word, each.after?.word ?? each.after?.added]),
      [['im_word.remove', 'Worst', undefined], ['im_word.import', undefined, 2], ['im_word.add', undefined, '...'], ['im_word.add', undefined, word]]);
  }],
  ['and its settings, or leaves them to the config', async ({ admin, bed }) => {
    const { page } = admin;
    const row = page.locator('tr', { hasText: 'recall_window_ms' });
    const dialog = page.locator('dialog[open]');
    const set = async (value) => {
      await dialog.locator('[name=value]').fill(value);
      await dialog.getByRole('button', { name: 'Set', exact: true }).click();
    };
    await admin.go(`im/settings?app=${app}`);
    await row.locator('.pill', { hasText: 'Config' }).waitFor();
    await row.getByRole('button').click();
    await set('999999999999999');
    await dialog.getByText(/recall_window_ms: not 0/).waitFor();
    await admin.accessible('the dialog of a setting');
    await set('300000');
    await row.locator('.pill', { hasText: 'App' }).waitFor();
    await admin.says(/300,000 ms/);
    const { value } = JSON.parse(bed.run('im-settings', 'get', 'recall_window_ms', '--app', String(app), '--config', bed.config, '--json'));
    assert.equal(value, 300000);
    await admin.drawn();
    await row.getByRole('button').click();
    await dialog.getByRole('button', { name: 'Leave it to the config' }).click();
    await row.locator('.pill', { hasText: 'Config' }).waitFor();
    const { items } = await admin.call('get', '/v1/audit', { what: 'im_setting.' });
    assert.deepEqual(items.map((each) => [each.what, each.object, each.outcome.split(':')[0]]),
      [['im_setting.unset', 'recall_window_ms', 'done'], ['im_setting.set', 'recall_window_ms', 'done'], ['im_setting.set', 'recall_window_ms', 'failed']]);
  }],
  ['an administrator reads none of it, and makes no reader', async ({ admin }) => {
    const refused = await admin.call('post', '/v1/im/history', { app_id: app, reason, user: 'lily', peer: 'max' });
    assert.deepEqual([refused.failed, refused.code], [403, 'forbidden']);
    const made = await admin.call('post', '/v1/tokens', { name: 'sneaky', role: 'viewer', reader: true, apps: null, expires_at: null });
    assert.deepEqual([made.failed, made.path], [403, 'reader']);
    await admin.go(`im/users/${app}/lily`);
    assert.equal(await admin.page.getByText('Show the conversations').count(), 0);
    await admin.go('tokens');
    await admin.page.locator('tr', { hasText: 'legal' }).locator('.pill', { hasText: 'Reads messages' }).waitFor();
  }],
];
