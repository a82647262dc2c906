// The JSON Schema of a manifest, as far as it is used: objects with known fields, lists, choices, constants.

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  /** Fields with names of one's own. */
  patternProperties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

/** A step of a path into a list. */
export const ITEM = '[]';

/** A schema without references and choices: each of its forms. */
export function formsOf(schema: Schema | undefined, root: Schema): Schema[] {
  if (!schema) return [];
  if (schema.$ref) {
    const named = root.$defs?.[schema.$ref.replace('#/$defs/', '')];
    const description = schema.description;
    return formsOf(named, root).map((form) => (description ? { ...form, description } : form));
  }
  const choices = schema.anyOf ?? schema.oneOf;
  return choices ? choices.flatMap((choice) => formsOf(choice, root)) : [schema];
}

/** The forms of what lies at a path: names of fields, and `[]` for an item of a list. */
export function formsAt(path: readonly string[], root: Schema): Schema[] {
  return path.reduce(
    (forms, part) => forms.flatMap((form) => formsOf(below(form, part), root)),
    formsOf(root, root),
  );
}

function below(form: Schema, part: string): Schema | undefined {
  if (part === ITEM) return form.items;
  return fieldOf(form, part);
}

/** The schema of a field, known by its name or by a pattern. */
export function fieldOf(form: Schema, name: string): Schema | undefined {
  const own = form.properties?.[name];
  const patterns = Object.entries(form.patternProperties ?? {});
  const [, named] = patterns.find(([pattern]) => new RegExp(pattern).test(name)) ?? [];
  const other = form.additionalProperties;
  return own ?? named ?? (typeof other === 'object' ? other : undefined);
}

/** The values that a form allows, where it lists them. */
export function valuesOf(form: Schema): unknown[] {
  if (form.const !== undefined) return [form.const];
  if (form.type === 'boolean') return [true, false];
  return form.enum ?? [];
}
