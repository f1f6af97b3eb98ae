// Devices, settings and mutes as files of lines: read in and written out, a piece at a time.
import { get, postLines } from '../api.js';
import { appField } from '../app_field.js';
import { h, replace } from '../dom.js';
import { t } from '../i18n.js';
import { check, choice, field, form } from '../fields.js';
import { linesOf, saveAs } from '../line_file.js';
import { may } from '../session.js';
import { button, note, section, table } from '../ui.js';

const badShownMax = 100;
const exportRowsMax = 200_000; // a tab's memory has to hold them
const exportPage = 2_000;

const kindField = () => field('kind', t('files.kind'), choice([['devices', t('files.devices')], ['users', t('files.users')]]));

function badTable(bad, leftOut) {
  const columns = [{ label: t('files.line'), cell: (each) => each.line }, { label: t('files.why'), cell: (each) => h('code', {}, each.why) }];
  return [note('warn', t('files.left_out', { n: leftOut })), table(t('files.bad'), columns, bad)];
}

function importForm(said) {
  const kind = kindField();
  const file = field('file', t('files.file'), h('input', { type: 'file', required: true, accept: '.ndjson,.jsonl,.json,.txt' }), { hint: t('files.file.hint') });
  const dry = check('dry_run', t('files.dry'), true);
  return form([kind, file, dry], [button(t('files.import'), undefined, { kind: 'primary', type: 'submit' })], async () => {
    const [chosen] = file.input.files;
    if (!chosen) return file.show(t('field.required'));
    const bar = h('progress', { max: chosen.size || 1, 'aria-label': t('files.import') });
    const counted = h('p', { role: 'status' });
    replace(said, bar, counted);
    const bad = [];
    let written = 0;
    let leftOut = 0;
    for await (const piece of linesOf(chosen)) {
      const told = await postLines(`/v1/${kind.input.value}/import`, { from_line: piece.first, dry_run: dry.input.checked }, piece.text);
      written += told.written;
      leftOut += told.left_out;
      bad.push(...told.bad.slice(0, badShownMax - bad.length));
      bar.value = piece.bytes;
      replace(counted, t(dry.input.checked ? 'files.would_write' : 'files.written', { n: written }));
    }
    return replace(said, note(leftOut > 0 ? 'warn' : 'good', t(dry.input.checked ? 'files.would_write' : 'files.written', { n: written })), leftOut > 0 && badTable(bad, leftOut));
  });
}

function exportForm(said) {
  const kind = kindField();
  const app = appField();
  return form([kind, app], [button(t('files.export'), undefined, { kind: 'primary', type: 'submit' })], async () => {
    const parts = [];
    let rows = 0;
    let next = {};
    const counted = h('p', { role: 'status' });
    replace(said, counted);
    while (next !== null && rows < exportRowsMax) {
      const page = await get(`/v1/${kind.input.value}/export`, { app: app.input.value, limit: exportPage, after_user: next.user, after_app: next.app, after_device: next.device });
      parts.push(page.lines);
      rows += page.rows;
      next = page.next;
      replace(counted, t('files.read', { n: rows }));
    }
    saveAs(`${kind.input.value}-${app.input.value}.ndjson`, parts);
    replace(said, note(next === null ? 'good' : 'warn', t(next === null ? 'files.saved' : 'files.saved.part', { n: rows })));
  });
}

export default async function view() {
  const imported = h('div', { class: 'mistakes' });
  const exported = h('div', { class: 'mistakes' });
  return {
    title: t('files'),
    body: [note('warn', t('files.note')), h('div', { class: 'halves' },
      may('operator') && section(t('files.in'), importForm(imported), imported),
      may('admin') && section(t('files.out'), exportForm(exported), exported))],
  };
}
