// Runs the tests one after the other on one bed and in one browser. `tests` of each file: [name, async (world) => …].
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Bed } from './bed.js';
import { makeCredentials } from './credentials.js';
import { chromium, Visitor } from './visitor.js';

const words = process.argv.slice(2);
const out = process.env.BROWSER_OUT;
const testLimitMs = 300_000;
// In this order: later ones use what earlier ones made.
const files = ['login', 'certificates', 'history', 'people', 'push', 'companion', 'letters', 'workers', 'chinese', 'access', 'words', 'look', 'away', 'secrets'];

mkdirSync(out, { recursive: true });
for (const name of readdirSync(out)) if (name.endsWith('.png')) rmSync(join(out, name));

const bed = new Bed();
const world = { bed, tokens: {} };
let browser, passed = 0, failed = 0;
const started = Date.now();

function limited(work) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not within ${testLimitMs} ms`)), testLimitMs); });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function run(name, test) {
  const since = Date.now();
  try {
    await limited(test(world));
    ++passed;
    console.log(`ok      ${name} (${Date.now() - since} ms)`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}\n${error.stack}`);
    await world.admin?.shot(`failed-${failed}`).catch(() => {});
    bed.script([]); // or the next tests meet the faults of this one
  }
}

try {
  await bed.open();
  world.credentials = makeCredentials(bed);
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  world.visitor = (choices) => Visitor.open(browser, bed, choices);
  for (const file of files) {
    const { tests } = await import(`./${file}_test.js`);
    for (const [name, test] of tests) {
      // What logs in and makes things is needed by all that follows.
      if (words.length === 0 || file === 'login' || words.some((word) => `${file}: ${name}`.includes(word))) await run(`${file}: ${name}`, test);
    }
  }
} catch (error) {
  ++failed;
  console.log(`FAILED  ${error.stack}`);
} finally {
  await browser?.close();
  if (failed > 0 && bed.children.length > 0) for (const name of ['console', 'worker', 'all', 'sandbox']) console.log(`--- ${name}\n${tail(name)}`);
  await bed.close();
}

function tail(name) {
  try {
    return bed.log(name).split('\n').slice(-15).join('\n');
  } catch {
    return '';
  }
}

console.log(`screenshots: ${out}; ${((Date.now() - started) / 1000).toFixed(1)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
