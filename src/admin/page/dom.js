// Elements from data. Text goes in as text nodes and attributes only, so names, titles and vendors' words never become
// markup.

const properties = new Set(['value', 'checked', 'selected', 'disabled', 'hidden', 'readOnly', 'required', 'indeterminate']);

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith('on')) {
    element.addEventListener(name.slice(2), value);
  } else if (properties.has(name)) {
    element[name] = value;
  } else if (name === 'href' && !/^[#/]/.test(value)) {
    throw new Error('a link may lead to this page only');
  } else if (name === 'style' || name === 'srcdoc') {
    throw new Error(`${name} is not for data`);
  } else {
    element.setAttribute(name, value === true ? '' : value);
  }
}

const shown = (child) => child !== undefined && child !== null && child !== false;

/// h('p', {class: 'note', onclick}, 'text', node, [more]). Attributes that are undefined, null or false are left out.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  const { value, ...others } = attributes;
  for (const [name, each] of Object.entries(others)) set(element, name, each);
  element.append(...children.flat(Infinity).filter(shown));
  set(element, 'value', value); // of a select, once it has its options
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(shown));
  return element;
}

const svg = 'http://www.w3.org/2000/svg';

/// A decoration: readers of the screen pass it over.
export function icon(name) {
  const element = document.createElementNS(svg, 'svg');
  element.setAttribute('class', 'icon');
  element.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(svg, 'use');
  use.setAttribute('href', `/icons.svg#${name}`);
  element.append(use);
  return element;
}

let ids = 0;
export const newId = (prefix) => `${prefix}-${++ids}`;
