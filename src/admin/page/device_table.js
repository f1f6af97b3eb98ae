// Devices in a table, with what may be done to each.
import { remove } from './api.js';
import { h } from './dom.js';
import { t, tOr } from './i18n.js';
import { link } from './router.js';
import { may } from './session.js';
import { button, confirmed, moment, pill, table, toast } from './ui.js';

const stateKinds = { foreground: 'good', background: 'quiet', offline: 'quiet', logged_out: 'warn' };

/// `onchange` is called when a device was unbound; without it none can be.
export function deviceTable(devices, { withUser = false, onchange, onmistake } = {}) {
  async function unbind({ app_id: app, user_id: user, device_id: device }) {
    if (!await confirmed(t('unbind.title', { device }), t('unbind.text'), t('unbind'), { danger: true })) return;
    try {
      await remove('/v1/devices', { app, user, device });
      toast(t('unbound.done', { device }));
      onchange();
    } catch (error) {
      onmistake(error);
    }
  }
  const columns = [
    withUser && { label: t('user'), cell: (each) => h('a', { href: link(['users', each.app_id, each.user_id]) }, each.user_id) },
    withUser && { label: t('app'), cell: (each) => each.app_id },
    { label: t('device'), cell: (each) => each.device_id },
    { label: t('platform'), cell: (each) => tOr(`platform.${each.platform}`, each.platform) },
    { label: t('certificate'), cell: (each) => h('a', { href: link(['certificates', each.certificate_id]) }, each.certificate_id) },
    { label: t('token'), cell: (each) => h('code', {}, each.token) },
    { label: t('state'), cell: (each) => pill(stateKinds[each.state] ?? 'quiet', tOr(`device.${each.state}`, each.state)) },
    { label: t('push.badge'), cell: (each) => each.badge_base, class: 'number' },
    { label: t('language'), cell: (each) => each.language },
    { label: t('registered'), cell: (each) => moment(each.registered_at) },
    onchange && { label: t('actions'), hidden: true, cell: (each) => h('div', { class: 'buttons' },
      may('sender') && h('a', { class: 'button small', href: link(['send'], { app: each.app_id, user: each.user_id, device: each.device_id }) }, t('send.test')),
      may('operator') && button(t('unbind'), () => unbind(each), { kind: 'small danger' })) },
  ];
  return table(t('devices'), columns.filter(Boolean), devices);
}
