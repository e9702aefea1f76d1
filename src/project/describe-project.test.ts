import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProject } from "./describe-project.ts";
import { filesOf } from "./memory-files.fixture.ts";

const json = JSON.stringify;

test("a Node service is started by the text of its start script and built from its lock file", () => {
  const draft = describeProject(
    filesOf({
      "package.json": json({ name: "@acme/web_shop", scripts: { start: "node server.js" }, dependencies: { express: "5" } }),
      "package-lock.json": "{}",
      "server.js": 'app.get("/healthz"); app.listen(process.env.PORT, process.env.HOST)',
    }),
  );
  assert.equal(draft.service, "web-shop");
  assert.equal(draft.command, "node server.js");
  assert.equal(draft.build, "npm ci --omit=dev");
  assert.equal(draft.health, "/healthz");
  assert.deepEqual(draft.toCheck, []);
});

test("a Node service without a start script starts its main file, and nothing is built where there is nothing to build", () => {
  const draft = describeProject(filesOf({ "package.json": json({ main: "./lib/main.js" }), "lib/main.js": "" }));
  assert.equal(draft.command, "node lib/main.js");
  assert.equal(draft.build, null);
  assert.equal(draft.service, "my-shop");
});

test("what was compiled by a build with development dependencies is kept and the dependencies are not", () => {
  const manifest = {
    scripts: { start: "node dist/main.js", build: "tsc" },
    dependencies: { a: "1" },
    devDependencies: { b: "1" },
  };
  const draft = describeProject(filesOf({ "package.json": json(manifest), "package-lock.json": "{}" }, ["dist/main.js"]));
  assert.equal(draft.build, "npm ci && npm run build && npm prune --omit=dev");
  assert.match(draft.toCheck.join("\n"), /dist\/main\.js is ignored by git/);
});

test("a service that listens everywhere is told to listen on HOST", () => {
  const draft = describeProject(filesOf({ "package.json": json({ main: "a.js" }), "a.js": 'listen(8080, "0.0.0.0")' }));
  assert.match(draft.toCheck.join("\n"), /a\.js names 0\.0\.0\.0/);
  assert.match(draft.toCheck.join("\n"), /Nothing names PORT/);
});

test("each Python framework gets its server, with the flags for HOST and PORT", () => {
  const commandOf = (requirements: string, files: Readonly<Record<string, string>>) =>
    describeProject(filesOf({ "requirements.txt": requirements, ...files })).command;
  const python = ".venv/bin/python";
  assert.equal(
    commandOf("fastapi==0.1\n", { "api.py": "web = FastAPI()" }),
    `${python} -m uvicorn api:web --host $HOST --port $PORT`,
  );
  assert.equal(
    commandOf("Flask==3\ngunicorn==22\n", { "app.py": "app = Flask(__name__)" }),
    `${python} -m gunicorn app:app --bind $HOST:$PORT`,
  );
  assert.equal(
    commandOf("django==5\n", { "manage.py": "", "site/wsgi.py": "" }),
    `${python} manage.py runserver $HOST:$PORT --noreload`,
  );
  assert.equal(commandOf("# none\n", { "serve.py": "from http.server import HTTPServer" }), "python3 -u serve.py");
});

test("dependencies of pyproject.toml are installed, and its lock files are said to be unused", () => {
  const draft = describeProject(
    filesOf({
      "pyproject.toml": '[project]\nname = "x"\ndependencies = [\n  "starlette>=1",\n]\n',
      "main.py": "app = Starlette()",
    }),
  );
  assert.match(draft.build ?? "", /pip install \.$/);
  assert.match(draft.toCheck.join("\n"), /lock file/);
});

test("a Go service is built from the package that is main", () => {
  const draft = describeProject(
    filesOf({ "go.mod": "module example.com/api/v2\n", "cmd/api/main.go": "package main\n", "app/x.go": "" }),
  );
  assert.equal(draft.service, "api");
  assert.match(draft.build ?? "", /go build -o service\.bin \.\/cmd\/api$/);
  assert.equal(draft.command, "./service.bin");
});

test("a Procfile's web process wins over a guess, listens on HOST, and the other processes are named as left out", () => {
  const draft = describeProject(
    filesOf({
      Procfile: "web: gunicorn site.wsgi -b 0.0.0.0:$PORT\nworker: python work.py\n",
      "requirements.txt": "gunicorn==1\n",
    }),
  );
  assert.equal(draft.command, "gunicorn site.wsgi -b $HOST:$PORT");
  assert.match(draft.leftOut.join("\n"), /worker/);
});

test("a Dockerfile is asked only where nothing else says how the service starts", () => {
  const dockerfile = 'FROM ruby\nHEALTHCHECK CMD curl -f http://localhost:3000/up\nCMD ["bundle", "exec", "puma", "-t 5"]\n';
  const draft = describeProject(filesOf({ Dockerfile: dockerfile }));
  assert.equal(draft.command, "bundle exec puma '-t 5'");
  assert.equal(draft.health, "/up");
  assert.equal(describeProject(filesOf({ Dockerfile: dockerfile, Procfile: "web: x" })).command, "x");
});

test("a program of one file is started with Node where nothing else says how the service starts", () => {
  const draft = describeProject(filesOf({ "server.js": "listen(process.env.PORT, process.env.HOST)" }));
  assert.equal(draft.command, "node server.js");
  assert.equal(draft.build, null);
  assert.match(draft.assumed.join(" "), /no package\.json/);
  assert.equal(describeProject(filesOf({ "server.py": "", "index.js": "" })).command, "python3 -u server.py");
  const dockerfile = describeProject(filesOf({ Dockerfile: 'FROM x\nCMD ["./serve"]\n', "index.js": "" }));
  assert.equal(dockerfile.command, "./serve");
});

test("an empty folder has no command", () => {
  assert.equal(describeProject(filesOf({})).command, null);
});
