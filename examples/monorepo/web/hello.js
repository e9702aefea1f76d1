exports.hello = "Hello from the web\n";
