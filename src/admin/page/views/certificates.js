// All credentials, those with warnings marked.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { choice } from '../fields.js';
import { go, link } from '../router.js';
import { knownApps, loadCertificates, may } from '../session.js';
import { empty, linkButton, pill, statePill, table, vendorName } from '../ui.js';
import { expiryPill } from '../certificate_parts.js';

export default async function view({ app = '' }) {
  const all = await loadCertificates();
  const shown = all.filter((each) => app === '' || String(each.app_id) === app);
  const add = may('operator') && linkButton(t('certificate.add'), link(['certificates', 'add']), { symbol: 'plus', kind: 'primary' });
  const filter = choice([['', t('apps.all')], ...knownApps().map((each) => [String(each), String(each)])],
    { value: app, 'aria-label': t('app'), onchange: (event) => go(['certificates'], { app: event.target.value }) });
  const columns = [
    { label: t('id'), cell: (each) => each.id, class: 'number' },
    { label: t('field.name'), cell: (each) => h('a', { href: link(['certificates', each.id]) }, each.name) },
    { label: t('vendor'), cell: (each) => vendorName(each.vendor) },
    { label: t('app'), cell: (each) => each.app_id },
    { label: t('field.bundle_id'), cell: (each) => h('code', {}, each.bundle_id) },
    { label: t('field.environment'), cell: (each) => t(`choice.environment.${each.environment}`) },
    { label: t('expiry'), cell: expiryPill },
    { label: t('status'), cell: (each) => statePill(each.status) },
    { label: t('warnings'), cell: (each) => each.warnings.length > 0 && h('span', { title: each.warnings.join('\n') }, pill('warn', t('warnings.n', { n: each.warnings.length }))) },
  ];
  return {
    title: t('nav.certificates'),
    actions: [knownApps().length > 1 && filter, linkButton(t('removed.list'), link(['certificates', 'removed'])), add],
    body: [shown.length === 0 ? empty(t('certificates.none'), may('operator') && linkButton(t('certificate.add'), link(['certificates', 'add']))) : table(t('nav.certificates'), columns, shown)],
  };
}
