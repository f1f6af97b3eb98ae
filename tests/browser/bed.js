// What the page is played against: the sandbox, `nightpost all` and `nightpost console` on one SQLite file, in a folder
// of their own. Processes are ended by their own ids.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const binary = process.env.NIGHTPOST_BIN;
const startLimitMs = 30_000;
export const app = 1400000001;
export const otherApp = 1400000002;

/// Waits until `ask` gives something, with a limit.
export async function until(what, ask, limitMs = startLimitMs) {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await sleep(20);
  }
}

export class Bed {
  folder = mkdtempSync(join(tmpdir(), 'nightpost-browser-'));
  children = [];

  path(name) { return join(this.folder, name); }

  write(name, text) {
    writeFileSync(this.path(name), text, { mode: 0o600 });
    return this.path(name);
  }

  /// A command that ends; its output.
  run(...args) {
    return execFileSync(binary, args, { cwd: this.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  openssl(...args) {
    return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /// A command that stays. Gives what its ready file says.
  async start(name, ...args) {
    const log = openSync(this.path(`${name}.log`), 'a');
    const ready = this.path(`${name}.ready`);
    const child = spawn(binary, [...args, '--ready-file', ready], { cwd: this.folder, stdio: ['ignore', log, log] });
    this.children.push(child);
    await until(`start of ${name}`, () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${this.log(name)}`);
      return existsSync(ready);
    });
    return JSON.parse(readFileSync(ready, 'utf8'));
  }

  log(name) { return readFileSync(this.path(`${name}.log`), 'utf8'); }

  /// Says typed lines to `nightpost chat`.
  chat(lines, ...args) {
    return execFileSync(binary, ['chat', '--server', this.sockets, '--ca-file', this.path('im.pem'), '--app', String(app), '--key-file', this.path('app.key'), ...args],
      { cwd: this.folder, encoding: 'utf8', input: `${lines.join('\n')}\n`, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /// Faults that the vendors play, as config/schemas/sandbox-script.schema.json has them.
  script(rules) {
    this.curl('PUT', '/_sandbox/script', { rules });
  }

  sandboxRequests(vendor) {
    return JSON.parse(this.curl('GET', `/_sandbox/requests?vendor=${vendor}`));
  }

  curl(method, path, body) {
    const data = body === undefined ? [] : ['--data', JSON.stringify(body)];
    return execFileSync('curl', ['-sS', '--fail-with-body', '--cacert', this.caFile, '-X', method, ...data, this.vendors.apns.url + path], { encoding: 'utf8' });
  }

  async open() {
    this.write('master.key', this.openssl('rand', '-base64', '32'));
    this.write('app.key', this.openssl('rand', '-hex', '32').toString().trim());
    this.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2', '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', 'im.key', '-out', 'im.pem');
    const store = { url: 'sqlite:store.db', master_key_file: 'master.key' };
    const all = this.write('all.json', JSON.stringify({
      store,
      im: { listen: '127.0.0.1:0', http_listen: '127.0.0.1:0', key_files: { [app]: 'app.key' }, tls_certificate_file: 'im.pem', tls_key_file: 'im.key' },
      worker: { http_listen: '127.0.0.1:0' },
      trace: { sample: 1 },
      content: { language: 'en' },
    }));
    // Its brokers are nobody: dead letters are not to be had.
    this.config = this.write('config.json', JSON.stringify({ store, kafka: { brokers: '127.0.0.1:1' }, console: { listen: '127.0.0.1:0' } }));
    const [sandbox, companion] = await Promise.all([
      this.start('sandbox', 'sandbox', '--accept-any', '--listen', '127.0.0.1:0', '--data', 'sandbox'),
      this.start('all', 'all', '--config', all),
    ]);
    this.vendors = sandbox.vendors;
    this.caFile = join(this.folder, sandbox.ca_file);
    this.ca = readFileSync(this.caFile, 'utf8');
    this.sockets = `wss://localhost:${new URL(companion.ws).port}/ws`;
    const { url, link } = await this.start('console', 'console', '--config', this.config);
    this.url = url;
    this.link = link;
  }

  close() {
    for (const child of this.children) child.kill('SIGTERM');
    return Promise.all(this.children.map(async (child) => {
      for (let i = 0; i < 250 && child.exitCode === null && child.signalCode === null; ++i) await sleep(20);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    })).then(() => rmSync(this.folder, { recursive: true, force: true }));
  }
}
