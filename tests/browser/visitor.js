// Somebody at the page. Whatever goes wrong there fails the test that made it: errors on the console, exceptions,
// dialogs that a payload opened, requests to another host.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const out = process.env.BROWSER_OUT;
const require = createRequire(join(out, 'package.json'));
export const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export class Visitor {
  troubles = [];

  static async open(browser, bed, { language = 'en', dark = false, width = 1280 } = {}) {
    const visitor = new Visitor();
    const locale = language === 'zh' ? 'zh-CN' : 'en-US';
    visitor.bed = bed;
    visitor.context = await browser.newContext({ locale, colorScheme: dark ? 'dark' : 'light', viewport: { width, height: 860 }, reducedMotion: 'reduce' });
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(30_000);
    visitor.watch();
    return visitor;
  }

  watch() {
    const { page, troubles } = this;
    page.on('console', (message) => {
      // A refused request is the test's own doing; the browser notes it as an error.
      const expected = /^Failed to load resource: the server responded with a status of (4\d\d|50[23])/.test(message.text());
      if (['error', 'warning'].includes(message.type()) && !expected) troubles.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => troubles.push(`exception: ${error.stack}`));
    page.on('dialog', (dialog) => {
      troubles.push(`a dialog opened: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('response', (reply) => {
      const { pathname } = new URL(reply.url());
      if (pathname.startsWith('/v1/')) reply.text().then((text) => this.bed.heard.push([`${reply.request().method()} ${pathname}`, text]), () => {}); // a page that is left takes its answers along
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${this.bed.url}/`)) troubles.push(`a request left for ${request.url()}`);
    });
  }

  calm() {
    assert.deepEqual(this.troubles, []);
  }

  async close() {
    for (const cookie of await this.context.cookies()) this.bed.cookies.add(cookie.value);
    await this.context.close();
    this.calm();
  }

  /// Opens a route, '#/…', and waits until it is drawn.
  async go(route) {
    const address = `${this.bed.url}/#/${route}`;
    if (this.page.url() === address) await this.page.reload(); // goto() would leave the form as it is
    else await this.page.goto(address);
    await this.drawn();
  }

  /// The view of the address stands, and no form of it is being sent.
  async drawn() {
    await this.page.waitForFunction(() => document.body.dataset.shown === (location.hash || '#') && !document.querySelector('main[aria-busy], form[aria-busy]'));
    this.bed.heard.push([`page ${new URL(this.page.url()).hash}`, await this.page.content()]);
  }

  async title(text) {
    await this.page.getByRole('heading', { level: 1, name: text, exact: true }).waitFor();
    await this.drawn();
  }

  async logIn(token) {
    await this.go('login');
    await this.page.locator('[name=token]').fill(token);
    await this.page.locator('main button[type=submit]').click();
    await this.page.getByRole('navigation').waitFor();
    await this.drawn();
  }

  /// Fills inputs by the names that the API has for them; files by their paths.
  async fill(values) {
    await this.page.evaluate(() => { for (const each of document.querySelectorAll('main details')) each.open = true; });
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const input = this.page.locator(`main [name="${name}"]`);
      const kind = await input.evaluate((each) => each.type);
      if (kind === 'file') await input.setInputFiles(value);
      else if (kind === 'checkbox') await input.setChecked(value);
      else if (kind === 'select-one') await input.selectOption(value);
      else await input.fill(String(value));
    }
  }

  /// Says yes in the dialog that is open. `typed`: what it wants to be typed.
  async confirm(typed) {
    const dialog = this.page.locator('dialog[open]');
    if (typed !== undefined) await dialog.locator('input').fill(typed);
    await dialog.locator('button:not([type=button])').click();
    await dialog.waitFor({ state: 'detached' });
  }

  text() { return this.page.locator('main').innerText(); }

  async says(words) {
    await this.page.waitForFunction(({ source, flags }) => new RegExp(source, flags).test(document.querySelector('main')?.innerText ?? ''), { source: words.source, flags: words.flags })
      .catch(async () => assert.match(await this.text(), words));
  }

  /// A call by the page's own session, as its API module makes it.
  call(method, path, body) {
    return this.page.evaluate(async ([verb, where, what]) => {
      const api = await import('/api.js');
      try {
        return await api[verb](where, what);
      } catch (error) {
        return { failed: error.status, code: error.code, path: error.path, message: error.message };
      }
    }, [method, path, body]);
  }

  async accessible(where) {
    if (!await this.page.evaluate(() => Boolean(window.axe))) await this.page.evaluate(axe); // as a text: the page's CSP allows no eval
    const found = await this.page.evaluate(async () => {
      const { violations, passes } = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
      return { passes: passes.length, violations: violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.target.join(' ')).join(', ')}`) };
    });
    assert.ok(found.passes > 10, `axe looked at nothing on ${where}`);
    assert.deepEqual(found.violations, [], `axe on ${where}`);
  }

  shot(name) {
    return this.page.screenshot({ path: join(out, `${name}.png`), fullPage: true, animations: 'disabled' });
  }
}
