// The last hour on the first page: pushes, errors by vendor, lag; as the workers' /metrics count them.
import { lineChart } from './charts.js';
import { get } from './api.js';
import { h } from './dom.js';
import { loadTexts, number, t } from './i18n.js';
import { empty, note, section, vendorName } from './ui.js';

const outcomes = ['accepted', 'suppressed', 'rejected', 'retrying', 'expired', 'token_removed', 'dead'];
const round = (value) => number(Number(value.toPrecision(3)));

/// Of the points: what each name has, where something is known. Names that have nothing all the hour are left out.
function seriesOf(points, member, names, label) {
  const known = ({ workers }) => workers > 0;
  return names.filter((name) => points.some((point) => point[member][name] > 0))
    .map((name) => ({ label: label(name), values: points.map((point) => (known(point) ? point[member][name] ?? 0 : null)) }));
}

export async function ratesSection() {
  const [{ workers, points }] = await Promise.all([get('/v1/rates'), loadTexts('charts')]);
  if (workers.length === 0) return section(t('charts'), empty(t('charts.none')));
  const away = workers.filter((each) => each.trouble !== '').map((each) => note('warn', h('code', {}, each.name), ' ', each.trouble));
  if (points.length < 2) return section(t('charts'), away, empty(t('charts.soon')));
  // Without two looks at one worker nothing is known of pushes; that is not the same as none.
  const counted = points.some((point) => point.workers > 0);
  const at = points.map((point) => point.at);
  const pushes = seriesOf(points, 'outcomes', outcomes, (name) => t(`charts.outcome.${name}`));
  const vendors = [...new Set(points.flatMap((point) => Object.keys(point.errors)))].sort();
  const errors = seriesOf(points, 'errors', vendors, vendorName);
  const lag = [{ label: t('charts.lag.records'), values: points.map((point) => point.lag) }];
  return section(t('charts'), away, h('div', { class: 'charts' },
    !counted && empty(t('charts.unknown')),
    counted && (pushes.length === 0 ? empty(t('charts.pushes.none')) : lineChart(t('charts.pushes'), at, pushes, round)),
    counted && (errors.length === 0 ? empty(t('charts.errors.none')) : lineChart(t('charts.errors'), at, errors, round)),
    lineChart(t('charts.lag'), at, lag, round)));
}
