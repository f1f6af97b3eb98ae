// A file of lines as pieces that fit into a request, and a file that is saved.
const pieceBytes = 48 * 1024; // the least that a console may take

/// {text, first, bytes}: whole lines, the number of the first, and how much of the file that is with it. A line that is
/// longer than a piece is one by itself.
export async function* linesOf(file) {
  const encoder = new TextEncoder();
  const reader = file.stream().pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let first = 1;
  let bytes = 0;
  let over = false;
  while (!over) {
    const { done, value = '' } = await reader.read();
    over = done;
    rest += value;
    // In UTF-8 a character has three bytes at most for each unit of the text.
    while (rest.length * 3 > pieceBytes || (over && rest !== '')) {
      let end = rest.lastIndexOf('\n', Math.floor(pieceBytes / 3) - 1);
      if (end < 0) end = rest.indexOf('\n');
      if (end < 0 && !over) break;
      if (over && rest.length * 3 <= pieceBytes) end = rest.length - 1;
      const text = end < 0 ? rest : rest.slice(0, end + 1);
      rest = rest.slice(text.length);
      bytes += encoder.encode(text).length;
      yield { text, first, bytes };
      first += text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    }
  }
}

export function saveAs(name, parts) {
  const address = URL.createObjectURL(new Blob(parts, { type: 'application/x-ndjson' }));
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
