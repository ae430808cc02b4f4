"""GET /api/docs: Swagger UI over the server's own OpenAPI document, and the document as JSON and YAML.

Everything comes from this process, the interface from the package `swagger-ui-bundle`, so that it works
without internet and under a content security policy that excepts no script. The package's own start page is
not used: its script is inline, and its address bar would load documents from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
import yaml
from swagger_ui_bundle import swagger_ui_path

from runplane.server.authz.guard import public
from runplane.server.core.errors import NotFound
from runplane.server.http import codec
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations, Reply
from runplane.server.http.shelf import Shelf

# The links lead on from the page's own folder, so that they hold behind a proxy that adds a prefix.
_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API documentation</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>Without JavaScript, read <a href="docs/swagger.json">swagger.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# Requests that the page makes go where the page came from: the public address may not be reachable from here,
# and the policy would refuse it.
_START: Final = b"""\
"use strict";
(async () => {
  const spec = await (await fetch("docs/swagger.json")).json();
  spec.servers = [{ url: new URL("..", location.href).href.replace(/\\/$/, "") }];
  window.ui = SwaggerUIBundle({
    spec,
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    filter: true,
    tagsSorter: "alpha",
    validatorUrl: null,
  });
})();
"""
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "favicon-32x32.png": b"image/png",
        "start.js": b"text/javascript; charset=utf-8",
        "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
        "swagger-ui.css": b"text/css; charset=utf-8",
    }
)
_JSON: Final = b"application/json"
_YAML: Final = b"application/yaml"
_REASON: Final = "The documentation holds nothing that the source code does not."


def _asset(name: str) -> tuple[bytes, bytes]:
    if name == "start.js":
        return _START, _TYPES[name]
    return (swagger_ui_path / name).read_bytes(), _TYPES[name]


def _as_yaml(document: dict[str, Any]) -> bytes:
    # Through JSON, so that no two places share an object: YAML would write such a pair as anchor and alias.
    plain = msgspec.json.decode(codec.encode(document))
    return yaml.dump(plain, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, encoding="utf-8")


def operations(document_supplier: Callable[[], dict[str, Any]]) -> list[Operation]:
    """The page, its files and the document in both notations.

    `document_supplier` is called when the document is first asked for, on a worker thread.
    """
    ops = Operations("", tag="Documentation")

    def make_document(name: str) -> tuple[bytes, bytes]:
        document = document_supplier()
        return (_as_yaml(document), _YAML) if name == "yaml" else (codec.encode(document), _JSON)

    assets, documents = Shelf(_asset), Shelf(make_document)
    open_to_all: dict[str, Any] = {
        "allow": public(_REASON),
        "mode": Mode.LOOP,
        "reply": bytes,
        "extension": True,
    }

    @ops.get("/api/docs", **open_to_all)
    async def get_api_docs(_: Call[Any]) -> Reply:
        """Show the API documentation."""
        headers = ((b"content-security-policy", _POLICY), (b"referrer-policy", b"no-referrer"))
        return Reply(_PAGE, headers=headers, media_type=b"text/html; charset=utf-8")

    @ops.get("/api/docs/swagger.json", **open_to_all)
    async def get_openapi_json(call: Call[Any]) -> Reply:
        """Get the OpenAPI document as JSON."""
        return await documents.reply("json", call)

    @ops.get("/api/redoc-runai.swagger.yaml", **open_to_all)
    async def get_openapi_yaml(call: Call[Any]) -> Reply:
        """Get the OpenAPI document as YAML."""
        return await documents.reply("yaml", call)

    @ops.get("/api/docs/{asset}", **open_to_all)
    async def get_api_docs_asset(call: Call[Any]) -> Reply:
        """Get a file that the documentation page is made of."""
        name = call.path["asset"]
        if name not in _TYPES:
            raise NotFound("There is no such file; the API documentation is at /api/docs on this server.")
        return await assets.reply(name, call)

    return ops.items
