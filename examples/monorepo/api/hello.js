exports.hello = "Hello from the API\n";
