exports.greet = (name) => `Hello from the ${name}\n`;
