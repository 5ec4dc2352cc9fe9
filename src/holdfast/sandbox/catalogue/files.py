"""What an uploaded file is shown as, of what its form told."""

from collections.abc import Mapping
from typing import Any

from holdfast.sandbox.state import JsonObject


def with_upload(made: JsonObject, params: Mapping[str, Any]) -> JsonObject:
    """Return an object with name, size and type of the file it was made from, if it was."""
    upload = params.get("file")
    if made["object"] != "file" or not isinstance(upload, dict) or "size" not in upload:
        return made
    name = str(upload.get("filename", ""))
    kind = name.rpartition(".")[2].lower() if "." in name else None
    return {
        **made,
        "filename": name or None,
        "size": int(upload["size"]),
        "type": kind,
        "url": f"https://files.stripe.com/v1/files/{made['id']}/contents",
    }
