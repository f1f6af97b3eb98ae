// What the page says, by key, and how it writes numbers and times. Every visible text stands in en*.js and zh*.js.

export const languages = { en: 'English', zh: '中文' };

let dictionary = {};
let plurals = new Intl.PluralRules('en');
let serverTexts = {}; // what the server says in English, by id; for other languages

export let language = 'en';

export function preferredLanguage() {
  const kept = localStorage.getItem('language');
  if (kept in languages) return kept;
  return navigator.languages.some((each) => each.startsWith('zh')) ? 'zh' : 'en';
}

export async function useLanguage(wanted) {
  dictionary = (await import(`./${wanted}.js`)).default;
  serverTexts = wanted === 'en' ? {} : (await import(`./server_${wanted}.js`)).default;
  plurals = new Intl.PluralRules(wanted);
  language = wanted;
  document.documentElement.lang = wanted === 'zh' ? 'zh-CN' : wanted;
}

/// Texts that few views need, which load them first: `part` of en_<part>.js.
export async function loadTexts(part) {
  const texts = (await import(`./${language}_${part}.js`)).default;
  dictionary = { ...dictionary, ...texts };
}

/// Likewise what the server says: `part` of server_zh_<part>.js.
export async function loadServerTexts(part) {
  if (language !== 'en') serverTexts = { ...serverTexts, ...(await import(`./server_${language}_${part}.js`)).default };
}

export function keepLanguage(wanted) {
  localStorage.setItem('language', wanted);
}

export const has = (key) => Object.hasOwn(dictionary, key);

/// The text of `key`, with {name} from `values`. A text with forms is chosen by values.n.
export function t(key, values = {}) {
  let text = has(key) ? dictionary[key] : key;
  if (typeof text === 'object') text = text[plurals.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/// The text of `key`, or `otherwise` where the page knows none: words of a newer server.
export const tOr = (key, otherwise) => (has(key) ? t(key) : otherwise);

/// What the server says by `id`, in the page's language where that is known.
export const serverText = (id, english) => (Object.hasOwn(serverTexts, id) ? serverTexts[id] : english);

export const number = (value) => new Intl.NumberFormat(language).format(value);

const two = (n) => String(n).padStart(2, '0');

/// "2026-11-30 09:05:51", local time.
export function dateTime(ms, withSeconds = true) {
  const d = new Date(ms);
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}${withSeconds ? `:${two(d.getSeconds())}` : ''}`;
}

const units = [['year', 365 * 86400e3], ['month', 30 * 86400e3], ['day', 86400e3], ['hour', 3600e3], ['minute', 60e3], ['second', 1e3]];

/// "in 3 days", "2 hours ago".
export function relative(ms, now = Date.now()) {
  const apart = ms - now;
  const [unit, size] = units.find(([, each]) => Math.abs(apart) >= each) ?? units.at(-1);
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.trunc(apart / size), unit);
}

/// "+0.120 s", "+12 min 5 s", "+3 h 10 min": how the trace counts.
export function offset(ms) {
  const sign = ms < 0 ? '−' : '+';
  const s = Math.abs(ms) / 1000;
  if (s < 60) return `${sign}${s.toFixed(3)} s`;
  if (s < 3600) return `${sign}${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  return `${sign}${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
