/**
 * Making and changing what is on the page: an element in one expression, and a re-rendering that leaves alone what has not changed, so
 * that a selection or a screen reader's place survives it. Sets no `style`, which the content security policy forbids.
 */

type Leaf = Node | string | number | null | undefined | false;
export type Child = Leaf | readonly Child[];
type Attribute = string | number | boolean | null | undefined | ((event: never) => unknown);
export type Attributes = Readonly<Record<string, Attribute>>;

/** An HTML element. An attribute that is a function listens to the event after `on`; null, undefined and false leave one out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

function append(parent: Node, children: readonly Child[]): void {
  // Any depth of lists.
  for (const child of children.flat(Infinity as 1) as Leaf[]) {
    if (child instanceof Node) parent.appendChild(child);
    else if (child !== null && child !== undefined && child !== false) parent.appendChild(document.createTextNode(String(child)));
  }
}

/** Makes `children` what `target` holds, changing only what differs. Their listeners may be lost: not for what can be operated. */
export function render(target: Element, ...children: readonly Child[]): void {
  const wanted = document.createDocumentFragment();
  append(wanted, children);
  patch(target, wanted);
}

function patch(current: Node, wanted: Node): void {
  const [before, after] = [[...current.childNodes], [...wanted.childNodes]];
  for (const [i, next] of after.entries()) {
    const old = before[i];
    if (old === undefined) current.appendChild(next);
    else if (old.nodeName !== next.nodeName) current.replaceChild(next, old);
    else if (old instanceof Element && next instanceof Element) {
      patchAttributes(old, next);
      patch(old, next);
    } else if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
  }
  for (const rest of before.slice(after.length)) rest.remove();
}

function patchAttributes(old: Element, next: Element): void {
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

/** An element that index.html holds. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return element;
}

/** Where a panel's changing part is. */
export function bodyOf(id: string): Element {
  const body = byId(id).querySelector('.body');
  if (body === null) throw new Error(`index.html has no .body in #${id}`);
  return body;
}
