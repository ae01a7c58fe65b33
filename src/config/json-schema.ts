import { z } from 'zod';

type Json = { [key: string]: unknown };

/**
 * JSON Schema of one configuration file, as text that changes only when the schema does: keys sorted, two blanks of
 * indentation, a line feed at the end. Draft 7, the one that the YAML language server supports completely.
 *
 * Editors check the authored text, so numbers, booleans and texts with a pattern also allow a `${file:…}` or `${env:…}`
 * placeholder. Closed lists of words do not: there an editor's completion is worth more.
 */
export function jsonSchemaOf(schema: z.ZodType, names: { title: string; id: string }): string {
  const generated: Json = { ...z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }) };
  const adapted = adaptSchema(generated);
  return `${JSON.stringify(sortKeys({ ...adapted, $id: names.id, title: names.title }), undefined, 2)}\n`;
}

const placeholder = '\\$\\{(file|env):[^{}]+\\}';

/** Keys under which the names are the configuration's own, so that a setting called `pattern` is not taken for a keyword. */
const namedSchemas = new Set(['properties', 'definitions', '$defs', 'patternProperties']);
/** Keys that hold values or rules for names, where a placeholder has no place. */
const verbatim = new Set(['const', 'enum', 'default', 'examples', 'required', 'propertyNames']);

function adaptSchema(schema: Json): Json {
  const adapted: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if (verbatim.has(key)) adapted[key] = value;
    else if (namedSchemas.has(key) && isJson(value))
      adapted[key] = Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, adaptInner(inner)]),
      );
    else adapted[key] = adaptInner(value);
  }
  return admitPlaceholder(adapted);
}

function adaptInner(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(adaptInner);
  return isJson(value) ? adaptSchema(value) : value;
}

function admitPlaceholder(schema: Json): Json {
  const { type, pattern, enum: words, const: word } = schema;
  if (words !== undefined || word !== undefined) return schema;
  if (type === 'string' && typeof pattern === 'string') {
    const { format: _format, ...rest } = schema;
    return { ...rest, pattern: `(?:${pattern})|${placeholder}` };
  }
  if (type === 'integer' || type === 'number' || type === 'boolean') {
    // Bounds count for numbers only and the pattern for texts only, so one schema serves both.
    return { ...withoutSafeBounds(schema), type: [type, 'string'], pattern: `^${placeholder}$` };
  }
  return schema;
}

/** The bounds of exact integers are zod's, not the configuration's, and tell an editor's user nothing. */
function withoutSafeBounds(schema: Json): Json {
  return Object.fromEntries(
    Object.entries(schema).filter(
      ([key, value]) =>
        !(key === 'minimum' && value === Number.MIN_SAFE_INTEGER) &&
        !(key === 'maximum' && value === Number.MAX_SAFE_INTEGER),
    ),
  );
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isJson(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [
        key,
        key === 'required' && isTextList(value[key]) ? value[key].toSorted() : sortKeys(value[key]),
      ]),
  );
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
