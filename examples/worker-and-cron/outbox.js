/** The queue, which outlives every release; a real service has it in its database. */
exports.outbox = "/tmp/belay-example-mailer";
