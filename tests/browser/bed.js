// What the page is played against: `nightpost console` with all that it looks at, on one SQLite file in a folder of its
// own: the sandbox as the vendors; `nightpost all`, whose users write to each other; a Kafka broker and a worker, whose
// dead letters are replayed. Processes are ended by their own ids.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const binary = process.env.NIGHTPOST_BIN;
const startLimitMs = 30_000;
const broker = join(process.env.NIGHTPOST_ROOT, 'tests/support/kafka/broker');
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
  heard = []; // [where, text] of each answer of the API and each page that was drawn
  cookies = new Set(); // of sessions

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
    child.name = name;
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
    const log = { level: 'debug', per_event_per_second_max: 10_000 };
    const store = { url: 'sqlite:store.db', master_key_file: 'master.key' };
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const rest = { listen: `127.0.0.1:${port}`, administrators: { [app]: 'administrator' } };
    const all = this.write('all.json', JSON.stringify({
      store,
      log,
      im: { listen: '127.0.0.1:0', http_listen: '127.0.0.1:0', key_files: { [app]: 'app.key' }, tls_certificate_file: 'im.pem', tls_key_file: 'im.key', rest },
      worker: { http_listen: '127.0.0.1:0' },
      trace: { sample: 1 },
      content: { language: 'en' },
    }));
    this.brokerPort = port + 1;
    this.config = this.write('config.json', JSON.stringify({
      store, log, kafka: { brokers: `127.0.0.1:${this.brokerPort}` }, worker: { http_listen: `127.0.0.1:${port + 2}` }, trace: { sample: 1 },
      im: { key_files: { [app]: 'app.key' }, rest }, // in whose name the console tells the IM server
      console: { listen: '127.0.0.1:0', http_listen: '127.0.0.1:0', im_url: `https://localhost:${port}`, im_ca_file: 'im.pem', metrics_urls: `http://127.0.0.1:${port + 2}`, kafka_wait_ms: 3000, requests_burst_max: 10_000, requests_per_second_max: 10_000 },
    }));
    // The worker joins its group while other things are tested; who needs it waits for it.
    this.worker = this.startBroker().then(() => this.start('worker', 'worker', '--config', this.config));
    this.worker.catch(() => {}); // who waits for it is told
    const [{ url }, sandbox, companion] = await Promise.all([
      this.start('console', 'console', '--config', this.config),
      this.start('sandbox', 'sandbox', '--accept-any', '--listen', '127.0.0.1:0', '--data', 'sandbox'),
      this.start('all', 'all', '--config', all),
    ]);
    this.vendors = sandbox.vendors;
    this.caFile = join(this.folder, sandbox.ca_file);
    this.ca = readFileSync(this.caFile, 'utf8');
    this.sockets = `wss://localhost:${new URL(companion.ws).port}/ws`;
    this.url = url;
    [this.link] = /https?:\S+#\/login\?code=\S+/.exec(this.log('console'));
  }

  startBroker() {
    return new Promise((resolve, reject) => {
      const log = openSync(this.path('kafka.log'), 'a');
      const child = spawn(broker, ['up', '--port', String(this.brokerPort), '--data', this.path('kafka'), '--partitions', '1', '--owner', String(process.pid)], { stdio: ['ignore', log, log] });
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`no broker: ${this.log('kafka')}`))));
    });
  }

  stopBroker() {
    execFileSync(broker, ['down', '--data', this.path('kafka')], { stdio: 'ignore' });
  }

  /// Ends one of the processes, as a machine that dies does.
  kill(name) {
    return this.end(this.children.filter((each) => each.name === name), 'SIGKILL');
  }

  async end(children, signal) {
    for (const child of children) child.kill(signal);
    for (const child of children) {
      const gone = () => child.exitCode !== null || child.signalCode !== null;
      for (let i = 0; i < 250 && !gone(); ++i) await sleep(20);
      if (!gone()) child.kill('SIGKILL');
    }
  }

  async close() {
    if (existsSync(this.path('kafka/pid'))) this.stopBroker();
    await this.end(this.children, 'SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
