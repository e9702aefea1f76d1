import { type Field, type Message, valuesOf } from "./strict-reader.ts";

/** Of one connection, said anew by every hop, or a proxy's own: they need not arrive as they were sent. */
const ofTheHop = new Set([
  ..."connection|keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade".split(
    "|",
  ),
  ..."http2-settings|expect|forwarded|x-forwarded-for|x-forwarded-host|x-forwarded-port|x-forwarded-proto|x-real-ip".split("|"),
  ..."x-request-id|via|traceparent|tracestate|content-length|host|cookie".split("|"),
]);

/** Names that Belay speaks for alone, which it takes from no client and which other engines pass on. */
const ofBelay = /^belay-/;
const cookieOfBelay = /^(?:__Host-)?belay_/;

/** What of a request has to arrive: equal for what was sent and what was seen, or they are not the same request. */
export function essenceOf(request: Message): string {
  const [method, target] = request.start;
  const nominated = new Set(
    valuesOf(request, "connection").flatMap((value) =>
      value
        .toLowerCase()
        .split(",")
        .map((name) => name.trim()),
    ),
  );
  // Some readers take an underscore for a hyphen, so that a proxy may keep such a name back.
  const isEndToEnd = ([name]: Field) => {
    const read = name.toLowerCase().replaceAll("_", "-");
    return !ofTheHop.has(read) && !ofBelay.test(read) && !nominated.has(name.toLowerCase());
  };
  const fields = request.fields.filter(isEndToEnd).map(([name, value]) => `${name.toLowerCase()}: ${value}`);
  const cookies = valuesOf(request, "cookie")
    .flatMap((value) => value.split(";").map((pair) => pair.trim()))
    .filter((pair) => pair !== "" && !cookieOfBelay.test(pair));
  return JSON.stringify([method, originForm(target), valuesOf(request, "host"), cookies, fields, request.body]);
}

function originForm(target: string): string {
  const rest = /^https?:\/\/[^/?]*(.*)$/i.exec(target)?.[1];
  return rest === undefined ? target : rest.startsWith("/") ? rest : `/${rest}`;
}
