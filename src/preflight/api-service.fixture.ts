import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** A service that answers by path, 404 for all else; gone with the test. */
export async function serve(
  t: Pick<TestContext, "after">,
  answer: RequestListener,
): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

export function json(body: unknown, status = 200): RequestListener {
  return (_, response) =>
    response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}

/** In the shape of the specification's own pet store (OAI/OpenAPI-Specification, examples/v3.0/petstore.yaml), with what its dialect has of its own. */
export const petstore = `openapi: 3.0.3
info: { version: 1.0.0, title: Swagger Petstore }
servers: [{ url: "https://pets.example.com/v1" }]
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - { name: limit, in: query, required: true, schema: { type: integer, default: 10 } }
      responses:
        "200": { description: pets, content: { application/json: { schema: { $ref: "#/components/schemas/Pets" } } } }
    post:
      operationId: createPet
      responses: { "201": { description: made } }
  /pets/{petId}:
    parameters:
      - { name: petId, in: path, required: true, schema: { type: string }, example: rex 1 }
    get:
      operationId: getPet
      responses:
        "200": { $ref: "#/components/responses/Pet" }
        "404": { description: no such pet }
components:
  responses:
    Pet: { description: pet, content: { application/json: { schema: { $ref: "#/components/schemas/Pet" } } } }
  schemas:
    Pet:
      type: object
      required: [id, name, password]
      properties:
        id: { type: integer, format: int64, minimum: 0, exclusiveMinimum: true }
        name: { type: string }
        password: { type: string, writeOnly: true }
        tag: { type: string, nullable: true, enum: [cat, dog] }
        mother: { $ref: "#/components/schemas/Pet" }
        born: { type: string, format: date-time }
    Pets: { type: array, items: { $ref: "#/components/schemas/Pet" } }
`;

export const rex = { id: 1, name: "Rex", tag: null, mother: { id: 2, name: "Bella", born: "2026-01-02T03:04:05Z" } };
