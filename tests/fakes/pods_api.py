"""A Kubernetes API that knows pods, and replaces those that are deleted as a Deployment would."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "the-pods-token"
PATH = "/api/v1/namespaces/cafe/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/cafe/deployments"
PATHS = (PATH, DEPLOYMENTS)


class Cluster:
    """`pods` by name; `asked` are the requests that came with a valid token.

    `replaced` is called with the service whose pod was deleted: what runs in it ends.
    """

    def __init__(self):
        self.pods, self.asked, self.refusing = {}, [], 0
        self.replaced = lambda service: None
        self.wanted = {}  # by service; as many as there are where nothing is said
        self._made = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def environment(self, folder):
        (folder / "token").write_text(TOKEN)
        return {
            "LOCALAWS_KUBERNETES_URL": self.url,
            "LOCALAWS_NAMESPACE": "cafe",
            "LOCALAWS_IDENTITY_DIR": str(folder),
        }

    def add(self, service):
        self._made += 1
        name = f"{service}-{self._made}"
        self.pods[name] = {
            "metadata": {
                "name": name,
                "uid": f"{self._made:08d}-0000-4000-8000-000000000000",
                "creationTimestamp": f"2026-03-01T09:00:{self._made:02d}Z",
                "labels": {
                    "app.kubernetes.io/name": service,
                    "app.kubernetes.io/part-of": "cloudcafe",
                },
            },
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
        return name

    def select(self, selector):
        wanted = dict(pair.split("=") for pair in selector.split(","))
        return [
            pod for pod in self.pods.values() if wanted.items() <= pod["metadata"]["labels"].items()
        ]

    def deployment(self, service):
        there = self.select(f"app.kubernetes.io/name={service}")
        return {"spec": {"replicas": self.wanted.get(service, len(there))}}

    def delete(self, name, uid):
        pod = self.pods.get(name)
        if pod is None:
            return 404
        if pod["metadata"]["uid"] != uid:
            return 409
        del self.pods[name]
        service = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        self.replaced(service)
        self.add(service)
        return 200


def _handler(cluster):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            address = urlsplit(self.path)
            path, _, name = address.path.rpartition("/")
            if path == DEPLOYMENTS:
                self._answer(path, 200, cluster.deployment(name))
                return
            items = cluster.select(parse_qs(address.query)["labelSelector"][0])
            self._answer(address.path, 200, {"items": items})

        def do_DELETE(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            path, _, name = self.path.rpartition("/")
            status = 403 if cluster.refusing else cluster.delete(name, body["preconditions"]["uid"])
            self._answer(path, status, {})

        def _answer(self, path, status, document):
            if self.headers["authorization"] != f"Bearer {TOKEN}" or path not in PATHS:
                status, document = 403, {}
            cluster.asked.append((self.command, status))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    return Handler
