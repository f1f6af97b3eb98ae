// A user's latest events, each a way into its trace.
import { h } from './dom.js';
import { t } from './i18n.js';
import { link } from './router.js';
import { moment, statePill, table } from './ui.js';
import { ruleText } from './words.js';

export const latestTable = (items) => table(t('user.latest'), [
  { label: t('time'), cell: (each) => moment(each.at) },
  { label: t('event'), cell: (each) => h('a', { href: link(['trace', each.event_id]) }, h('code', {}, each.event_id)) },
  { label: t('device'), cell: (each) => each.device_id },
  { label: t('state'), cell: (each) => each.last && statePill(each.last) },
  { label: t('why'), cell: (each) => ruleText(each.rule) || each.reason },
], items);
