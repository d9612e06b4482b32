"""Globs on the end of names, and heads of families, held against the slow way to the same."""

from __future__ import annotations

import re
from fnmatch import translate

from hypothesis import given
from hypothesis import strategies as st

from eigentail.layers.families import load_families, load_heads
from eigentail.layers.names import ends_as

NAMES = st.text("ab.#_0[]", max_size=8)


def slowly(form: str, glob: str) -> bool:
    """By one expression, whatever the glob holds."""
    expression = translate(glob[1:]) if glob.startswith("^") else rf"(?:.*\.)?{translate(glob)}"
    return re.match(expression, form) is not None


@given(NAMES, st.text("ab.#_0[]!*?", min_size=1, max_size=6), st.booleans())
def test_a_glob_matches_as_its_expression_does(form: str, glob: str, is_tied: bool) -> None:
    glob = f"^{glob}" if is_tied else glob
    assert ends_as(form, glob) == slowly(form, glob)


@given(NAMES, NAMES.filter(bool), st.booleans())
def test_what_is_at_the_border_of_a_component_matches(front: str, end: str, is_tied: bool) -> None:
    glob = f"^{end}" if is_tied else end
    for form in (end, f"{front}.{end}", f"{front}{end}"):
        assert ends_as(form, glob) == slowly(form, glob)


def test_globs_of_the_families_match_as_their_expressions_do() -> None:
    globs = {glob for family in load_families() for rule in family.rule for glob in rule.match}
    assert len(globs) > 300
    forms = [re.sub(r"\[.*?\]|[*?]", "0", glob.removeprefix("^")) for glob in sorted(globs)[::5]]
    for glob in sorted(globs)[::3]:
        for form in forms:
            assert ends_as(f"model.{form}", glob) == slowly(f"model.{form}", glob)
            assert ends_as(form, glob) == slowly(form, glob)


def test_the_head_of_a_family_is_all_of_it_but_its_rules() -> None:
    heads = load_heads()
    families = load_families()
    assert [(one.name, one.detect, one.config, one.block) for one in heads] == [
        (one.name, one.detect, one.config, one.block) for one in families
    ]
    assert not any(one.rule for one in heads)
    assert all(one.rule for one in families)
