// Lines over the last hour as SVG, with the numbers as a table for those who do not see them.
import { h, newId } from './dom.js';
import { dateTime, t } from './i18n.js';
import { table } from './ui.js';

const svgNames = 'http://www.w3.org/2000/svg';
const width = 640;
const height = 160;
const margin = { left: 56, right: 8, top: 8, bottom: 22 };
const rowsShown = 12; // of the table: every five minutes of an hour

function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(svgNames, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/// The least round number that is not below: 1, 2, 5, 10, …
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= value * 0.999999);
}

/// Path data of points [[x, y or null]]: a null breaks the line, and a point by itself is a dot.
export function pathOf(points) {
  let data = '';
  for (const [i, [x, y]] of points.entries()) {
    if (y === null) continue;
    const before = i > 0 && points[i - 1][1] !== null;
    const after = i + 1 < points.length && points[i + 1][1] !== null;
    data += `${before ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    if (!before && !after) data += 'h0.1';
  }
  return data;
}

/// series: [{label, values}], a value a moment of `at` (ms, rising), null: not known. `shown` writes a value.
export function lineChart(title, at, series, shown) {
  const from = at[0];
  const till = Math.max(at.at(-1), from + 1);
  const most = ceiling(Math.max(0, ...series.flatMap(({ values }) => values.filter((each) => each !== null))));
  const x = (ms) => margin.left + ((ms - from) / (till - from)) * (width - margin.left - margin.right);
  const y = (value) => margin.top + (1 - value / most) * (height - margin.top - margin.bottom);
  const grid = [0, most / 2, most].map((value) => s('g', {},
    s('line', { class: 'grid', x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) }),
    s('text', { class: 'tick', x: margin.left - 6, y: y(value) + 4, 'text-anchor': 'end' }, shown(value))));
  const clock = (ms) => dateTime(ms, false).slice(-5);
  const times = [[from, 'start'], [till, 'end']].map(([ms, anchor]) => s('text', { class: 'tick', x: x(ms), y: height - 6, 'text-anchor': anchor }, clock(ms)));
  const lines = series.map(({ values }, i) => s('path', { class: `line series-${i}`, d: pathOf(values.map((value, n) => [x(at[n]), value === null ? null : y(value)])) }));
  const caption = newId('chart');
  const last = (values) => values.findLast((each) => each !== null);
  const legend = h('ul', { class: 'legend' }, series.map(({ label, values }, i) => {
    const value = last(values);
    return h('li', {}, h('span', { class: `key series-${i}`, 'aria-hidden': 'true' }), h('span', {}, label), ' ', h('strong', {}, value === undefined ? '–' : shown(value)));
  }));
  const step = Math.max(1, Math.ceil(at.length / rowsShown));
  const rows = at.map((ms, n) => ({ ms, n })).filter(({ n }) => (at.length - 1 - n) % step === 0);
  const cell = (value) => (value === null ? '–' : shown(value));
  const columns = [{ label: t('time'), cell: ({ ms }) => h('time', {}, dateTime(ms)) }, ...series.map(({ label, values }) => ({ label, cell: ({ n }) => cell(values[n]), class: 'number' }))];
  return h('figure', { class: 'chart', 'aria-labelledby': caption },
    h('figcaption', { id: caption }, title), s('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true', focusable: 'false' }, ...grid, ...times, ...lines), legend,
    h('details', {}, h('summary', {}, t('charts.table')), table(title, columns, rows)));
}
