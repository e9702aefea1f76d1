import type { CheckFinding } from "../rollout/check-result.ts";

/** A node of PostgreSQL's own parse tree, as far as the rules read it. */
type Node = Readonly<Record<string, unknown>>;
export interface Statement {
  readonly stmt: Node;
  /** First byte of the statement, in UTF-8. Stands before blanks and comments that lead it. */
  readonly location: number;
}

export type SqlFinding = Pick<CheckFinding, "rule" | "level" | "message" | "fix"> & { readonly at: number };

type Told = Pick<CheckFinding, "rule" | "level" | "message" | "fix">;

/**
 * What of a migration hurts while the release before still serves: what takes away something it uses, and what holds a lock
 * that its queries wait for. A table that the same file creates has no users yet.
 */
export function findInStatements(statements: readonly Statement[]): readonly SqlFinding[] {
  const fresh = new Set<string>();
  let isInTransaction = false;
  return statements.flatMap(({ stmt, location }) => {
    const [[kind, body] = ["", {}]] = Object.entries(stmt) as [string, Node][];
    if (kind === "CreateStmt") fresh.add(nameOf(body["relation"]));
    if (kind === "CreateTableAsStmt") fresh.add(nameOf((body["into"] as Node | undefined)?.["rel"]));
    if (kind === "TransactionStmt") isInTransaction = body["kind"] === "TRANS_STMT_BEGIN" || body["kind"] === "TRANS_STMT_START";
    return findIn(kind, body, { fresh, isInTransaction }).map((told) => ({ ...told, at: location }));
  });
}

interface Context {
  readonly fresh: ReadonlySet<string>;
  readonly isInTransaction: boolean;
}

function findIn(kind: string, body: Node, context: Context): readonly Told[] {
  switch (kind) {
    case "DropStmt":
      return drops(body, context.fresh);
    case "DropdbStmt":
      return [{ rule: "drop-database", level: "fail", message: "drops a whole database", fix: expandContract }];
    case "TruncateStmt":
      return [
        {
          rule: "truncate",
          level: "fail",
          message: "deletes every row of a table",
          fix: "Delete what must go by hand, with a copy kept, and not in a migration.",
        },
      ];
    case "RenameStmt":
      return context.fresh.has(nameOf(body["relation"]))
        ? []
        : [
            {
              rule: "rename",
              level: "fail",
              message: `renames ${nameOf(body["relation"]) || "something"}, which the release that serves now still uses by its old name`,
              fix: "Add the new name beside the old one, write both, and drop the old one in a later release.",
            },
          ];
    case "IndexStmt":
      return indexes(body, context);
    case "UpdateStmt":
    case "DeleteStmt":
      return body["whereClause"] !== undefined || context.fresh.has(nameOf(body["relation"]))
        ? []
        : [unbounded(kind, nameOf(body["relation"]))];
    case "AlterTableStmt":
      return context.fresh.has(nameOf(body["relation"])) ? [] : alterations(body);
    case "DoStmt":
    case "CreateFunctionStmt":
    case "CallStmt":
      return kind === "CreateFunctionStmt"
        ? []
        : [
            {
              rule: "not-analysed",
              level: "warn",
              message: "runs code whose statements cannot be seen here",
              fix: "Write the statements out, or look at them yourself and say so: `-- belay:allow not-analysed <reason>` on the line above.",
            },
          ];
    case "VacuumStmt":
      return body["is_vacuumcmd"] === true
        ? [
            {
              rule: "vacuum",
              level: "warn",
              message: "rewrites or scans a table while the service runs",
              fix: "Run it apart from the release.",
            },
          ]
        : [];
    case "LockStmt":
      return [
        {
          rule: "lock",
          level: "fail",
          message: "locks a table by itself",
          fix: "Leave the lock out: each statement takes what it needs.",
        },
      ];
    case "ReindexStmt":
      return JSON.stringify(body).includes("concurrently")
        ? []
        : [
            {
              rule: "reindex",
              level: "fail",
              message: "blocks writes while the index is built anew",
              fix: "Write REINDEX ... CONCURRENTLY.",
            },
          ];
    default:
      return [];
  }
}

const expandContract = "Deploy a release that uses it no more, and drop it with the release after that; until then leave it.";

/** What readers of the old release may still use. Indexes, functions and the like can be made again. */
const droppedKinds: Readonly<Record<string, string>> = {
  OBJECT_TABLE: "table",
  OBJECT_VIEW: "view",
  OBJECT_MATVIEW: "materialized view",
  OBJECT_SCHEMA: "schema",
  OBJECT_TYPE: "type",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_FUNCTION: "function",
};

function drops(body: Node, fresh: ReadonlySet<string>): readonly Told[] {
  const type = String(body["removeType"]);
  if (type === "OBJECT_INDEX" && body["concurrent"] !== true)
    return [
      {
        rule: "drop-index",
        level: "warn",
        message: "waits for and blocks all queries of the table while it drops an index",
        fix: "Write DROP INDEX CONCURRENTLY.",
      },
    ];
  const words = droppedKinds[type];
  if (words === undefined) return [];
  const names = ((body["objects"] as readonly Node[] | undefined) ?? []).map(objectName).filter((name) => !fresh.has(name));
  if (names.length === 0) return [];
  const rule = `drop-${words.replaceAll(" ", "-")}`;
  return [
    {
      rule,
      level: "fail",
      message: `drops the ${words} ${names.join(", ")}, which the release that serves now may use`,
      fix: expandContract,
    },
  ];
}

function indexes(body: Node, { fresh, isInTransaction }: Context): readonly Told[] {
  const table = nameOf(body["relation"]);
  if (body["concurrent"] !== true)
    return fresh.has(table)
      ? []
      : [
          {
            rule: "blocking-index",
            level: "fail",
            message: `blocks writes to ${table} while the index is built`,
            fix: "Write CREATE INDEX CONCURRENTLY, outside of a transaction.",
          },
        ];
  return isInTransaction
    ? [
        {
          rule: "concurrently-in-transaction",
          level: "fail",
          message: "an index cannot be built concurrently inside a transaction",
          fix: "Move it to a migration of its own without BEGIN.",
        },
      ]
    : [];
}

function unbounded(kind: string, table: string): Told {
  const verb = kind === "UpdateStmt" ? "rewrites" : "deletes";
  return {
    rule: kind === "UpdateStmt" ? "unbounded-update" : "unbounded-delete",
    level: "fail",
    message: `${verb} every row of ${table} in one transaction`,
    fix: "Do it in batches with a WHERE, as a task of its own after the release.",
  };
}

function alterations(body: Node): readonly Told[] {
  const table = nameOf(body["relation"]);
  const commands = (body["cmds"] as readonly Node[] | undefined) ?? [];
  return commands.flatMap((command) => alteration(table, (command["AlterTableCmd"] as Node | undefined) ?? {}));
}

function alteration(table: string, command: Node): readonly Told[] {
  const column = `${table}.${String(command["name"] ?? "")}`;
  switch (command["subtype"]) {
    case "AT_DropColumn":
      return [
        {
          rule: "drop-column",
          level: "fail",
          message: `drops the column ${column}, which the release that serves now may read`,
          fix: expandContract,
        },
      ];
    case "AT_AddColumn":
      return addedColumn(table, columnDef(command));
    case "AT_AlterColumnType":
      return [
        {
          rule: "change-type",
          level: "fail",
          message: `changes the type of ${column}: the table is locked and may be written anew`,
          fix: "Add a column of the new type, copy in batches, and switch over two releases.",
        },
      ];
    case "AT_SetNotNull":
      return [
        {
          rule: "set-not-null",
          level: "fail",
          message: `reads all of ${table} under a lock to forbid NULL in ${column}`,
          fix: `Add CHECK (${String(command["name"])} IS NOT NULL) NOT VALID, then VALIDATE CONSTRAINT in a later migration, then SET NOT NULL.`,
        },
      ];
    case "AT_AddConstraint":
      return constraint(table, (command["def"] as Node | undefined)?.["Constraint"] as Node | undefined);
    case "AT_SetTableSpace":
    case "AT_SetLogged":
    case "AT_SetUnLogged":
      return [
        {
          rule: "rewrite",
          level: "fail",
          message: `writes ${table} anew under a lock`,
          fix: "Do it apart from a release, in a maintenance window.",
        },
      ];
    default:
      return [];
  }
}

function addedColumn(table: string, definition: Node | undefined): readonly Told[] {
  const name = `${table}.${String(definition?.["colname"] ?? "")}`;
  const constraints = ((definition?.["constraints"] as readonly Node[] | undefined) ?? []).map(
    (each) => (each["Constraint"] as Node | undefined) ?? {},
  );
  const kinds = constraints.map(({ contype }) => contype);
  const found: Told[] = [];
  const byDefault = constraints.find(({ contype }) => contype === "CONSTR_DEFAULT");
  if (
    kinds.includes("CONSTR_NOTNULL") &&
    byDefault === undefined &&
    !kinds.includes("CONSTR_GENERATED") &&
    !kinds.includes("CONSTR_IDENTITY")
  )
    found.push({
      rule: "add-not-null",
      level: "fail",
      message: `the release that serves now does not know ${name} and cannot insert a row any more`,
      fix: "Give it a DEFAULT, or add it without NOT NULL.",
    });
  if (
    byDefault !== undefined &&
    /"FuncCall"/.test(JSON.stringify(byDefault)) &&
    !/"(?:now|current_timestamp)"/.test(JSON.stringify(byDefault))
  )
    found.push({
      rule: "volatile-default",
      level: "warn",
      message: `the default of ${name} is computed for each row: the table may be written anew under a lock`,
      fix: "Add the column without default, set the default after, and fill it in batches.",
    });
  if (kinds.includes("CONSTR_UNIQUE") || kinds.includes("CONSTR_PRIMARY"))
    found.push({
      rule: "unique-constraint",
      level: "fail",
      message: `builds an index for ${name} under a lock`,
      fix: "Build the index with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX.",
    });
  return found;
}

function constraint(table: string, definition: Node | undefined): readonly Told[] {
  const type = definition?.["contype"];
  if ((type === "CONSTR_FOREIGN" || type === "CONSTR_CHECK") && definition?.["skip_validation"] !== true)
    return [
      {
        rule: "validated-constraint",
        level: "fail",
        message: `reads all of ${table} under a lock to prove the constraint`,
        fix: "Add it with NOT VALID, and VALIDATE CONSTRAINT in a later migration.",
      },
    ];
  if ((type === "CONSTR_UNIQUE" || type === "CONSTR_PRIMARY") && definition?.["indexname"] === undefined)
    return [
      {
        rule: "unique-constraint",
        level: "fail",
        message: `builds an index of ${table} under a lock`,
        fix: "Build it with CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX.",
      },
    ];
  if (type === "CONSTR_EXCLUSION")
    return [
      {
        rule: "exclusion-constraint",
        level: "fail",
        message: `builds an index of ${table} under a lock`,
        fix: "Add it apart from a release, in a maintenance window.",
      },
    ];
  return [];
}

function columnDef(command: Node): Node | undefined {
  return (command["def"] as Node | undefined)?.["ColumnDef"] as Node | undefined;
}

function nameOf(relation: unknown): string {
  if (typeof relation !== "object" || relation === null) return "";
  const { schemaname, relname } = relation as { readonly schemaname?: string; readonly relname?: string };
  return [schemaname, relname].filter((part) => part !== undefined).join(".");
}

/** The names of a DROP stand in other places of the tree by kind of object. */
function objectName(object: Node): string {
  const items = ((object["List"] as Node | undefined)?.["items"] ??
    (object["TypeName"] as Node | undefined)?.["names"] ??
    (object["ObjectWithArgs"] as Node | undefined)?.["objname"] ?? [object]) as readonly Node[];
  return items.map((item) => String((item["String"] as Node | undefined)?.["sval"] ?? "")).join(".");
}
