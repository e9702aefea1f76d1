"""A service of Python's standard library alone."""

import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"Hello from Python\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def leave(_signal, _frame):
    raise SystemExit(0)


server = ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Hello)
signal.signal(signal.SIGTERM, leave)
print("listening", flush=True)
server.serve_forever()
