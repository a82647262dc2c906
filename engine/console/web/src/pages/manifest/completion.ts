// Completes fields and values of a manifest from its schema.
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { pathAt } from './path';
import { formsAt, valuesOf, type Schema } from './schema';

const VALUE = /^( *(?:- +)?([\w-]+): +)([\w-]*)$/;
const FIELD = /^ *(?:- +)?([\w-]*)$/;

export function completions(root: () => Schema | undefined) {
  return (context: CompletionContext): CompletionResult | null => {
    const schema = root();
    if (!schema) return null;
    const before = context.state.sliceDoc(0, context.pos).split('\n');
    const line = before.at(-1) ?? '';
    const value = VALUE.exec(line);
    if (value) {
      const options = valuesAt([...pathAt(before), value[2] ?? ''], schema);
      return options.length > 0 ? { from: context.pos - (value[3]?.length ?? 0), options } : null;
    }
    const field = FIELD.exec(line);
    if (!field || (field[1] === '' && !context.explicit)) return null;
    return { from: context.pos - (field[1]?.length ?? 0), options: fieldsAt(pathAt(before), schema) };
  };
}

function fieldsAt(path: string[], root: Schema): Completion[] {
  const fields = formsAt(path, root).flatMap((form) => Object.entries(form.properties ?? {}));
  return fields.map(([name, { description }]) => ({
    label: name,
    type: 'property',
    apply: `${name}: `,
    ...(description ? { info: description } : {}),
  }));
}

function valuesAt(path: string[], root: Schema): Completion[] {
  return formsAt(path, root).flatMap((form) => {
    const info = form.description;
    return valuesOf(form).map((value) => ({ label: String(value), type: 'enum', ...(info ? { info } : {}) }));
  });
}
