"""The Kubernetes objects of a store: the till's key and its endpoints. Pure."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_world import SECRET_VERSION, AwsSecret, Json, Queue, Wanted
from cloudcafe_operator.resources.store import API_VERSION, KIND

TILL_KEY = "key"
KEY_DIGEST = "cloudcafe.dev/key-sha256"  # an annotation


def build_till(wanted: Wanted, secret: AwsSecret) -> dict[str, Any]:
    """Return the Secret that a till mounts; it notes which version of the AWS secret it holds."""
    meta = _meta(wanted, naming.till(wanted.identity.name))
    digest = hashlib.sha256(secret.value.encode()).hexdigest()
    meta["annotations"] = {SECRET_VERSION: secret.version, KEY_DIGEST: digest}
    data = {TILL_KEY: base64.b64encode(secret.value.encode()).decode()}
    return {
        "apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": data,
    }  # fmt: skip


def build_config(wanted: Wanted, queue: Queue, secret: AwsSecret) -> dict[str, Any]:
    """Return the ConfigMap with all that a till must know; its keys serve `envFrom`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta(wanted, naming.config(wanted.identity.name)),
        "data": {
            "CAFE_STORE_ID": wanted.store_id,
            "CAFE_ORDER_URL": wanted.platform.order_url,
            "CAFE_MENU_URL": wanted.platform.menu_url,
            "CAFE_ORDER_QUEUE_URL": queue.url,
            "CAFE_TILL_SECRET_ARN": secret.arn,
            "AWS_REGION": wanted.platform.region,
        },
    }


def till_key(till: Json) -> str:
    """Return the key in a Secret, or nothing: what is no text is no key."""
    encoded = (till.get("data") or {}).get(TILL_KEY, "")
    try:
        return base64.b64decode(encoded).decode()
    except UnicodeDecodeError:
        return ""


def key_digest(till: Json) -> str:
    """Return the digest of the key in a Secret."""
    return hashlib.sha256(till_key(till).encode()).hexdigest()


def noted_digest(till: Json) -> str:
    """Return the digest of the key that we put in: another one there was put in by hand."""
    annotations = till["metadata"].get("annotations") or {}
    return annotations.get(KEY_DIGEST) or key_digest(till)


def differs(live: Json, built: Json) -> bool:
    """Whether a live object lacks or contradicts anything that we build."""
    return any(
        differs(live.get(name) or {}, value) if isinstance(value, dict) else live.get(name) != value
        for name, value in built.items()
    )


def _meta(wanted: Wanted, name: str) -> dict[str, Any]:
    identity = wanted.identity
    owner = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": identity.name,
        "uid": identity.uid,
        "controller": True,
    }
    labels = {
        "app.kubernetes.io/managed-by": "cloudcafe-operator",
        "app.kubernetes.io/part-of": "cloudcafe",
        "cloudcafe.dev/store": identity.name,
    }
    return {
        "name": name, "namespace": identity.namespace, "labels": labels, "ownerReferences": [owner],
    }  # fmt: skip
