import type { OwnAnswer } from "./respond.ts";

const retryAfterSeconds = 60;
const ownWords = "We are working on this service. Please come back in a few minutes.";

/** What visitors of a service under maintenance get: a page where a page is wanted, else a line. */
export function maintenanceAnswer(message: string, accept: string | undefined): OwnAnswer {
  const reason = (message === "" ? ownWords : message).replaceAll(/\s+/g, " ");
  const answer: OwnAnswer = { status: 503, reason, retryAfterSeconds };
  return accept?.includes("text/html") === true ? { ...answer, html: pageOf(reason) } : answer;
}

function pageOf(message: string): string {
  const text = message.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Back soon</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}</style></head>
<body><h1>Back soon</h1><p>${text}</p></body></html>
`;
}
