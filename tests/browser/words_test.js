// Every visible text comes from the dictionaries, which have the same keys; what the server says is the rest.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { app } from './bed.js';

const folder = join(process.env.NIGHTPOST_ROOT, 'src/admin/page');
const files = readdirSync(folder, { recursive: true }).map(String).filter((name) => name.endsWith('.js'));
const code = files.filter((name) => !/^(en|zh|server_zh)(_\w+)?\.js$/.test(name)).map((name) => [name, readFileSync(join(folder, name), 'utf8')]);
const textsOf = async (name) => (await import(join(folder, `${name}.js`))).default;
/// All that the page says in a language; what few views need is loaded with them.
const dictionary = async (name) => ({ ...await textsOf(name), ...(name.startsWith('server') ? {} : { ...await textsOf(`${name}_companion`), ...await textsOf(`${name}_charts`), ...await textsOf(`${name}_workers`), ...await textsOf(`${name}_decision`) }) });

const views = (ids, event) => ['overview', 'certificates', 'certificates/add?vendor=apns', 'certificates/add?vendor=huawei', `certificates/${ids.xiaomi}`, `certificates/${ids.history}`, 'certificates/removed', `certificates/${ids.oppo}/edit`,
  `send?app=${app}&user=mei`, 'users', 'users/files', `users/${app}/mei`, `trace?app=${app}&user=vinson`, `trace/${event}`, 'live', 'workers', 'tokens', 'tokens/sessions', 'audit', 'nowhere',
  `im?app=${app}`, `im/words?app=${app}`, `im/settings?app=${app}`, `im/users?app=${app}`, `im/groups?app=${app}`, `im/users/${app}/max`, `im/history?app=${app}&user=lily&peer=max`];

export const tests = [
  ['both languages have the same keys, no text is empty, and values have the same places', async () => {
    const [en, zh] = await Promise.all([dictionary('en'), dictionary('zh')]);
    assert.deepEqual(Object.keys(en), Object.keys(zh));
    const places = (text) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g) ?? [])].sort();
    for (const key of Object.keys(en)) {
      assert.ok(en[key] && zh[key], key);
      assert.deepEqual(places(en[key]), places(zh[key]), key);
    }
    assert.ok(Object.keys(en).length > 300);
  }],
  ['each key that the code names is there, and each that is there is named', async () => {
    const en = await dictionary('en');
    const all = code.map(([, text]) => text).join('\n');
    const named = [...all.matchAll(/\bt(?:Or)?\(\s*'([\w.]+)'/g)].map(([, key]) => key);
    assert.deepEqual([...new Set(named)].filter((key) => !(key in en)), []);
    const prefixes = [...all.matchAll(/`([\w.]+\.)\$\{/g)].map(([, prefix]) => prefix);
    const quoted = new Set([...all.matchAll(/'([\w.]+)'/g)].map(([, key]) => key));
    const unused = Object.keys(en).filter((key) => !quoted.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)));
    assert.deepEqual(unused, []);
  }],
  ['the code has no Chinese of its own and writes no markup', () => {
    for (const [name, text] of code) {
      assert.doesNotMatch(text.replace("'中文'", ''), /[\u3000-\u9fff]/, name);
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:/, name);
      assert.ok(text.split('\n').length <= 300, `${name} is long`);
    }
  }],
  ['the server\'s fields and rules have Chinese words', async ({ admin }) => {
    const [zh, said] = await Promise.all([dictionary('zh'), dictionary('server_zh')]);
    const { items } = await admin.call('get', '/v1/vendors');
    const missing = [];
    for (const { vendor, fields, settings } of items) {
      for (const { name } of [...fields, ...settings]) {
        if (!(`field.${name}` in zh)) missing.push(`label of ${name}`);
        if (!(`field.${vendor}.${name}` in said) && !(`field.${name}` in said)) missing.push(`meaning of ${vendor} ${name}`);
      }
    }
    assert.equal(items.length, 8);
    // The rules as the server's own sources have them.
    const rules = [...readFileSync(join(process.env.NIGHTPOST_ROOT, 'src/dispatch/rule.cpp'), 'utf8').matchAll(/\{Rule::\w+, "(\w+)"/g)].map(([, rule]) => rule);
    assert.ok(rules.length > 50);
    for (const rule of rules) if (!(`rule.${rule}` in zh)) missing.push(`rule ${rule}`);
    const advised = [...readFileSync(join(process.env.NIGHTPOST_ROOT, 'src/app/trace_advice.cpp'), 'utf8').matchAll(/^ {4}\{"(\w+)",/gm)].map(([, rule]) => rule);
    assert.ok(advised.length > 50);
    for (const rule of advised) if (!(`todo.${rule}` in said)) missing.push(`advice for ${rule}`);
    const settings = [...readFileSync(join(process.env.NIGHTPOST_ROOT, 'src/im/domain/app_settings.cpp'), 'utf8').matchAll(/_setting\("(\w+)"/g)].map(([, name]) => name);
    assert.ok(settings.length > 10);
    for (const name of settings) if (!(`setting.${name}` in said)) missing.push(`meaning of the setting ${name}`);
    assert.deepEqual(missing, []);
  }],
  ['no visible text stands outside the dictionaries', async (world) => {
    const { visitor, tokens, ids, event, admin } = world;
    const reader = await visitor();
    // Dictionaries whose every text is ‹key›, and the texts of all that the API answers.
    const en = Object.fromEntries(Object.keys(await dictionary('en')).map((key) => [key, '‹text {n}{name}{when}{id}{user}{version}{device}{word}{code}›']));
    await reader.page.route(/\/en(_companion|_charts|_workers|_decision)?\.js$/, (route) => route.fulfill({ contentType: 'text/javascript', body: `export default ${JSON.stringify(en)};` }));
    let data = '';
    const reading = [];
    reader.page.on('response', (reply) => { if (reply.url().includes('/v1/')) reading.push(reply.text().then((text) => { data += text; }, () => {})); });
    const made = await admin.call('post', '/v1/tokens', { name: 'words', role: 'admin', apps: null, expires_at: null });
    await reader.logIn(made.secret);
    const strays = [];
    for (const view of views(ids, event)) {
      await reader.go(view);
      await reader.page.waitForLoadState('networkidle');
      const texts = await reader.page.evaluate(() => {
        const found = [];
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const { parentElement: parent } = walker.currentNode;
          if (!parent.closest('code, pre, time, noscript, script, kbd')) found.push(walker.currentNode.data.trim());
        }
        for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]')) found.push(element.getAttribute('aria-label') ?? '', element.getAttribute('placeholder') ?? '');
        return found;
      });
      const known = ['Nightpost', 'English', '中文', '09:41', '-----BEGIN PRIVATE KEY-----', '-----BEGIN CERTIFICATE-----'];
      const intl = /^(in \d+ \w+|\d+ \w+ ago|yesterday|tomorrow|now|this \w+|[\d.,+−]+ ?(ms|s|min|h)?|…|–|\*|·)$/;
      for (const text of texts) {
        const left = text.replace(/‹[^›]*›/g, '').trim();
        const parts = left.split(/ · |, |(?:^| )→ |: /).map((each) => each.replace(/^[·:,\s]+|[·:,\s]+$/g, '')).filter((each) => /\p{L}/u.test(each) && !known.includes(each) && !intl.test(each));
        for (const part of parts) strays.push([part, `${view}: "${text}"`]);
      }
    }
    // Answers are read beside the page, so they are looked at when all are there. A text of one, or a piece of its JSON:
    // the audit log shows what was changed.
    await Promise.all(reading);
    const isOfAnswer = (part) => data.includes(JSON.stringify(part).slice(1, -1)) || data.includes(part);
    assert.deepEqual(strays.filter(([part]) => !isOfAnswer(part)).map(([, where]) => where), []);
    await reader.close();
  }],
];
