import assert from "node:assert/strict";
import { test } from "node:test";
import { maintenanceAnswer } from "./maintenance-answer.ts";

test("a browser gets a page in which the message is text, anybody else a line", () => {
  const message = `Back at 5 <b>"sharp"</b> & 'soon'`;
  const page = maintenanceAnswer(message, "text/html,*/*;q=0.8");
  assert.equal(page.status, 503);
  assert.equal(page.retryAfterSeconds, 60);
  assert.match(page.html ?? "", /Back at 5 &#60;b&#62;&#34;sharp&#34;&#60;\/b&#62; &#38; &#39;soon&#39;/);
  assert.equal(maintenanceAnswer("two\nlines", "application/json").reason, "two lines");
  assert.equal(maintenanceAnswer("", undefined).html, undefined);
  assert.match(maintenanceAnswer("", undefined).reason, /come back/);
});
