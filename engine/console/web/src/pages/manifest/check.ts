// Mistakes of a manifest with their places, while one types: what is no YAML, unknown fields, missing fields,
// values that are no choice. The engine has the last word when the manifest is applied.
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type YAMLMap } from 'yaml';
import { fieldOf, formsOf, valuesOf, type Schema } from './schema';

export interface Mistake {
  from: number;
  to: number;
  message: string;
}

export function check(text: string, root: Schema): Mistake[] {
  const document = parseDocument(text, { lineCounter: new LineCounter(), prettyErrors: false });
  if (document.errors.length > 0) {
    return document.errors.map(({ pos, message }) => ({ from: pos[0], to: pos[1], message }));
  }
  if (!document.contents) return [{ from: 0, to: 0, message: 'a manifest begins with its name' }];
  return ofNode(document.contents as Node, formsOf(root, root), root);
}

/** Where a field of the API's problem is, such as `steps[0].plugin`; its nearest parent where it is missing. */
export function placeOf(text: string, field: string): { from: number; to: number } {
  const document: Document = parseDocument(text);
  const path = field.split(/[.[\]]+/).filter((part) => part !== '');
  for (let length = path.length; length > 0; length -= 1) {
    const parts = path.slice(0, length).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    const node = document.getIn(parts, true);
    const range = (node as Node | undefined)?.range;
    if (range) return { from: range[0], to: range[1] };
  }
  return { from: 0, to: Math.max(0, text.indexOf('\n')) };
}

function ofNode(node: Node | null, forms: Schema[], root: Schema): Mistake[] {
  if (!node || forms.length === 0) return [];
  // Of several forms, the one with the fewest mistakes is meant.
  const each = forms.map((form) => ofForm(node, form, root));
  each.sort((a, b) => a.length - b.length);
  const [best = []] = each;
  return best.length > 0 && isScalar(node) && forms.length > 1 ? [choice(node, forms)] : best;
}

function ofForm(node: Node, form: Schema, root: Schema): Mistake[] {
  if (isMap(node)) return takes(form, 'object') ? ofMap(node, form, root) : wrong(node, form);
  if (isSeq(node)) {
    if (!takes(form, 'array')) return wrong(node, form);
    const forms = formsOf(form.items, root);
    return node.items.flatMap((item) => ofNode(item as Node, forms, root));
  }
  if (form.properties || form.items) return wrong(node, form);
  const values = valuesOf(form);
  return values.length > 0 && isScalar(node) && !values.includes(node.value) ? wrong(node, form) : [];
}

/** A form without a type takes anything, such as the config of a plugin. */
function takes(form: Schema, type: string): boolean {
  return form.type === undefined ? form.const === undefined : [form.type].flat().includes(type);
}

function ofMap(map: YAMLMap, form: Schema, root: Schema): Mistake[] {
  const known = form.properties ?? {};
  const found = map.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : '';
    const schema = fieldOf(form, name);
    if (schema) return ofNode(value as Node | null, formsOf(schema, root), root);
    if (form.additionalProperties !== false) return [];
    const fields = Object.keys(known).join(', ') || 'names of lower-case letters, digits and hyphens';
    return [at(key as Node, `there is no field ${name} here; there are ${fields}`)];
  });
  const missing = (form.required ?? []).filter((name) => !map.has(name));
  return [...found, ...missing.map((name) => at(map, `the field ${name} is missing`, true))];
}

function wrong(node: Node, form: Schema): Mistake[] {
  const values = valuesOf(form).map(String);
  const wanted = values.length > 0 ? values.join(', ') : [form.type ?? 'something else'].flat().join(' or ');
  return [at(node, `expected: ${wanted}`)];
}

function choice(node: Node, forms: Schema[]): Mistake {
  const wanted = forms.flatMap((form) => {
    const values = valuesOf(form).map(String);
    return values.length > 0 ? values : Object.keys(form.properties ?? {}).slice(0, 1);
  });
  return at(node, `expected one of ${wanted.join(', ')}`);
}

function at(node: Node, message: string, start = false): Mistake {
  const [from = 0, end = from] = node.range ?? [];
  return { from, to: start ? Math.min(end, from + 1) : end, message };
}
