// What holds for an app of the companion: the config's word, or its own.
import { get, put, remove } from '../api.js';
import { appField } from '../app_field.js';
import { h, replace } from '../dom.js';
import { number, serverText, t } from '../i18n.js';
import { choice, field, form, integer } from '../fields.js';
import { go, link } from '../router.js';
import { lastApp, may, rememberApp } from '../session.js';
import { button, linkButton, note, openDialog, pill, problem, section, table, toast } from '../ui.js';

const meaning = ({ name, what }) => serverText(`setting.${name}`, what);

function shownValue({ kind }, value) {
  if (kind === 'flag') return t(value ? 'yes' : 'no');
  return kind === 'ms' ? t('im.setting.ms', { n: number(value) }) : number(value);
}

function rangeOf({ kind, least, most, capped, config }) {
  if (kind === 'flag') return undefined;
  return t(kind === 'ms' ? 'im.setting.range.ms' : 'im.setting.range', { least: number(least), most: number(capped ? Math.min(most, config) : most) });
}

/// Another value, or the config's again. True: it was changed.
function changeDialog(app, setting) {
  return openDialog(t('im.setting.change', { name: setting.name }), (close) => {
    const input = setting.kind === 'flag'
      ? choice([['true', t('yes')], ['false', t('no')]], { value: String(setting.value), autofocus: true })
      : integer({ required: true, min: setting.least, max: setting.most, value: String(setting.value), autofocus: true });
    const row = field('value', meaning(setting), input, { hint: rangeOf(setting) });
    return form([row], [
      button(t('cancel'), () => close(false)),
      setting.from === 'app' && button(t('im.setting.unset'), undefined, { type: 'submit', value: 'unset' }),
      button(t('im.setting.set'), undefined, { kind: 'primary', type: 'submit', value: 'set' }),
    ], async (pressed) => {
      if (pressed?.value === 'unset') await remove('/v1/im/settings', { app, name: setting.name });
      else await put('/v1/im/settings', { app_id: Number(app), name: setting.name, value: row.input.value });
      close(true);
    });
  });
}

async function settingsOf(app) {
  const { items, passed_over: passedOver } = await get('/v1/im/settings', { app });
  rememberApp(app);
  const changed = () => {
    toast(t('saved'));
    go(['im', 'settings'], { app });
  };
  const change = (setting) => async () => { if (await changeDialog(app, setting)) changed(); };
  const where = h('div', { class: 'mistakes', 'aria-live': 'polite' });
  const forget = (name) => async () => {
    try {
      await remove('/v1/im/settings', { app, name });
      changed();
    } catch (error) {
      replace(where, problem(error));
    }
  };
  const columns = [
    { label: t('im.setting'), cell: (each) => [h('code', {}, each.name), h('div', { class: 'quiet' }, meaning(each))] },
    { label: t('im.setting.value'), cell: (each) => h('strong', {}, shownValue(each, each.value)) },
    { label: t('im.setting.from'), cell: (each) => pill(each.from === 'app' ? 'good' : 'quiet', t(`im.setting.from.${each.from}`)) },
    { label: t('im.setting.config'), cell: (each) => shownValue(each, each.config) },
    { label: t('actions'), hidden: true, cell: (each) => may('admin') && button(t('im.setting.set'), change(each), { kind: 'small' }) },
  ];
  const passed = ({ name, why }) => note('warn', h('p', {}, t('im.setting.passed_over'), ' ', h('code', {}, why)), may('admin') && button(t('remove'), forget(name), { kind: 'small' }));
  return [where, passedOver.map(passed), section('', h('p', { class: 'quiet' }, t('im.settings.text')), table(t('im.settings'), columns, items))];
}

export default async function view({ app = lastApp() }) {
  const of = appField(app);
  const find = form([of], [button(t('find'), undefined, { kind: 'primary', type: 'submit', symbol: 'search' })], async () => go(['im', 'settings'], { app: of.input.value }));
  return {
    title: t('im.settings'), actions: [linkButton(t('nav.im'), link(['im'], { app }), { symbol: 'chat' })],
    body: [section('', find), app && await settingsOf(app)],
  };
}
