// The words that an app refuses, masks or hears of: found, added, removed, and read in as a list.
import { get, post, put, remove } from '../api.js';
import { appField } from '../app_field.js';
import { h, replace } from '../dom.js';
import { number, t } from '../i18n.js';
import { choice, field, form, text } from '../fields.js';
import { go, link } from '../router.js';
import { lastApp, may, rememberApp } from '../session.js';
import { button, confirmed, empty, linkButton, pill, problem, section, table, toast } from '../ui.js';

const actionField = () => field('action', t('im.word.action'), choice(['refuse', 'mask', 'mark'].map((each) => [each, t(`im.word.${each}`)])), { hint: t('im.word.action.hint') });

function findForm(app, holds) {
  const of = appField(app);
  const part = field('holds', t('im.word.holds'), text({ value: holds }), { hint: t('im.word.holds.hint') });
  return form([h('div', { class: 'pair' }, of, part)], [button(t('find'), undefined, { kind: 'primary', type: 'submit', symbol: 'search' })], async () => {
    rememberApp(of.input.value);
    go(['im', 'words'], { app: of.input.value, holds: part.input.value });
  });
}

function addForm(app, again) {
  const word = field('word', t('im.word'), text({ required: true }), { hint: t('im.word.hint') });
  const action = actionField();
  return form([h('div', { class: 'pair' }, word, action)], [button(t('im.word.add'), undefined, { type: 'submit' })], async () => {
    await put('/v1/im/words', { app_id: Number(app), word: word.input.value, action: action.input.value });
    toast(t('saved'));
    again();
  });
}

function importForm(app, again) {
  const file = field('text', t('im.word.file'), h('input', { type: 'file', required: true, accept: '.txt,text/plain' }), { hint: t('im.word.file.hint') });
  const action = actionField();
  return form([h('div', { class: 'pair' }, file, action)], [button(t('im.word.import'), undefined, { type: 'submit' })], async () => {
    const [chosen] = file.input.files;
    if (!chosen) return file.show(t('field.required'));
    const { added, changed, unchanged } = await post('/v1/im/words/import', { app_id: Number(app), text: await chosen.text(), action: action.input.value });
    toast(t('im.word.imported', { added, changed, unchanged }));
    return again();
  });
}

/// The page of words, what one does with them, and how many there are.
async function wordsOf(app, holds, after) {
  const { items, next, words, words_max: most } = await get('/v1/im/words', { app, holds, after });
  rememberApp(app);
  const again = () => go(['im', 'words'], { app, holds });
  const where = h('div', { class: 'mistakes', 'aria-live': 'polite' });
  const take = ({ word }) => async () => {
    if (!await confirmed(t('im.word.remove.title', { word }), t('im.word.remove.text'), t('remove'), { danger: true })) return;
    try {
      await remove('/v1/im/words', { app, word });
      toast(t('saved'));
      again();
    } catch (error) {
      replace(where, problem(error));
    }
  };
  const columns = [
    { label: t('im.word'), cell: (each) => h('code', {}, each.word) },
    { label: t('im.word.action'), cell: (each) => pill(each.action === 'refuse' ? 'warn' : 'quiet', t(`im.word.${each.action}`)) },
    { label: t('actions'), hidden: true, cell: (each) => may('admin') && button(t('remove'), take(each), { kind: 'small' }) },
  ];
  const nothing = next === null ? t(words === 0 ? 'im.words.none' : 'im.none') : t('im.none.yet');
  return [
    section('', h('p', { class: 'quiet' }, t('im.words.count', { count: number(words), most: number(most) })), where,
      items.length === 0 ? empty(nothing) : table(t('im.words'), columns, items)),
    next !== null && linkButton(t('im.next'), link(['im', 'words'], { app, holds, after: next })),
    may('admin') && section(t('im.word.add'), addForm(app, again)),
    may('admin') && section(t('im.word.import'), importForm(app, again)),
  ];
}

export default async function view({ app = lastApp(), holds = '', after = '' }) {
  return {
    title: t('im.words'), actions: [linkButton(t('nav.im'), link(['im'], { app }), { symbol: 'chat' })],
    body: [section('', findForm(app, holds)), app && await wordsOf(app, holds, after)],
  };
}
