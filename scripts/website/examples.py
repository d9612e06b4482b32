"""For mkdocstrings: `Example:` in a docstring is a session, as `Examples:` is to it."""

from __future__ import annotations

import re
from typing import Any, Final

from griffe import Extension, Object

_HEAD: Final = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class Examples(Extension):
    """Renames that section in every docstring."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called by griffe for each object it has read."""
        if obj.docstring is not None:
            obj.docstring.value = _HEAD.sub(r"\1Examples:", obj.docstring.value)
