"""The tree of errors is the one that its module draws."""

import inspect
import re

from licodec import errors


def test_drawn_tree_names_every_class_below_its_parent():
    drawn, parents = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(r"    ([│├└─ ]*)(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4
            parents[depth:] = [match[2]]
            drawn[match[2]] = parents[depth - 1] if depth else "Exception"
    defined = {
        name: value.__base__.__name__
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, errors.LicodecError)
    }
    assert drawn == defined
