/** The parts of an OpenAPI document that the page of the API shows. */
interface Document {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: Body;
  readonly responses?: Readonly<Record<string, Body>>;
}

interface Body {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

/** A table of the API's routes; their schemas in full are in the OpenAPI document. */
export function describeApi(document: object): string {
  const { paths = {} } = document as Document;
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => rowOf(`${method.toUpperCase()} ${path}`, operation)),
  );
  return [
    "# The HTTP API",
    "",
    "What the command line uses, and nothing more. It is served on a unix socket in the data folder, and over TCP when `belay up --api` asks for",
    "it ([how](../run-it-on-a-machine.md#from-another-machine)). The schemas are in [api.json](api.json), which a running Belay answers at",
    "`/api/v1/openapi.json`. A failure is an answer with `code`, `message` and `next`; [all codes](errors.md).",
    "",
    "| route | takes | answers | what it does |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function rowOf(route: string, operation: Operation): string {
  const parameters = (operation.parameters ?? [])
    .filter((parameter) => parameter.in !== "path")
    .map(({ name, in: place, required }) => `${place} \`${name}\`${required === true ? "" : " (optional)"}`);
  const body = operation.requestBody === undefined ? [] : [describeBody(operation.requestBody)];
  const answers = Object.entries(operation.responses ?? {})
    .filter(([status]) => status !== "default")
    .map(([status, response]) => `${status} ${describeBody(response)}`.trim());
  const cells = [`\`${route}\``, [...parameters, ...body].join(", "), answers.join(", "), operation.summary ?? ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function describeBody({ content = {} }: Body): string {
  return Object.entries(content)
    .map(([type, { schema }]) => (schema === undefined || type !== "application/json" ? `\`${type}\`` : describeSchema(schema)))
    .join(" or ");
}

function describeSchema({ $ref, items, properties, required = [] }: Schema): string {
  if ($ref !== undefined) return $ref.replace("#/components/schemas/", "");
  if (items !== undefined) return `a list of ${describeSchema(items)}`;
  const names = Object.entries(properties ?? {}).map(([name, { $ref: named, items: listed }]) => {
    const isOptional = required.includes(name) ? "" : "?";
    const inner = listed?.$ref === undefined ? named : listed.$ref;
    return inner === undefined
      ? `${name}${isOptional}`
      : `${name}${isOptional}: ${inner.replace("#/components/schemas/", "")}${listed === undefined ? "" : "[]"}`;
  });
  return `\`{ ${names.join(", ")} }\``.replace("{  }", "{}");
}
