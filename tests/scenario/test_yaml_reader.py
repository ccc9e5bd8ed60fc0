"""YAML text to data with positions; every mistake of the text is told, none crashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sim.document.document import Position, from_mapping
from sim.document.yaml_reader import MAX_BYTES, parse_document, read_document
from sim.errors import ScenarioError

TEXT = """\
name: three
sites:
  metro:
    power: 2 MW
    racks: [a, {type: b}]
"""


def test_data_and_positions() -> None:
    document = parse_document(TEXT, "t.yaml")
    assert document.data == {
        "name": "three",
        "sites": {"metro": {"power": "2 MW", "racks": ["a", {"type": "b"}]}},
    }
    assert document.position(("name",)) == Position("t.yaml", 1, 7)
    assert document.position(("sites", "metro", "power")) == Position("t.yaml", 4, 12)
    assert document.position(("sites", "metro", "power"), of_key=True) == Position("t.yaml", 4, 5)
    assert document.position(("sites", "metro", "racks", 1, "type")) == Position("t.yaml", 5, 23)


def test_a_value_that_is_missing_is_placed_at_the_key_around_it() -> None:
    document = parse_document(TEXT, "t.yaml")
    assert document.position(("sites", "metro", "kind")) == Position("t.yaml", 3, 3)
    assert document.position(("version",)) == Position("t.yaml", 1, 1)


def test_aliases_stand_for_copies() -> None:
    data = parse_document("a: &x {b: &y [1, 2], c: *y}\nd: *x\n", "t").data
    assert data == {"a": {"b": [1, 2], "c": [1, 2]}, "d": {"b": [1, 2], "c": [1, 2]}}
    assert data["d"] is not data["a"]


def test_quoted_words_are_text() -> None:
    data = parse_document("a: 'NO'\nb: \"1e5\"\nc: !!str 010\nd: |\n  5\n", "t").data
    assert data == {"a": "NO", "b": "1e5", "c": "010", "d": "5\n"}


def test_all_traps_and_duplicates_are_told_at_once() -> None:
    document = parse_document("a: NO\nb: 12:30\nb: 1\non: 2\n'on': 3\n", "t")
    assert [(p.line, p.column, p.path, p.got) for p in document.problems] == [
        (1, 4, "a", "NO"),
        (2, 4, "b", "12:30"),
        (3, 1, "b", "the key a second time"),
        (4, 1, "on", "on"),
        (5, 1, "on", "the key a second time"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "t:1:4: got an opening [, expected a closing ] behind it"),
        ("a: {b: 1\nc: 2}\n", "t:2:2: got ': 2}', expected ',' or '}'"),
        ("a: 1\nb: [}\n", "t:2:5: got a closing } without an opening one"),
        ("{a: 1}}\n", "t:1:7: got a closing } without an opening one"),
        ("a: 'x\n", "t:1:4: got an opening ', expected a closing ' behind it"),
        ('a: "\\q"\n', "t:1:5: got a backslash before 'q', expected an escape"),
        ("a: b: c\n", "t:1:5: got a second ': ' in one line, expected quotes"),
        ("a: 1\n b: 2\n", "t:2:3: got a key in another column"),
        ("a: - b\n", "t:1:4: got a list item behind a key"),
        ("- a\nb: 1\n", "t:2:1: got 'b: 1', expected '- ' as before"),
        ("? a\n: b\n- c\n", "t:3:1: got a list item among keys"),
        ("a: 'b' c\n", "t:1:8: got 'c', expected nothing behind a closed value"),
        ("a:\n\tb: 1\n", "t:2:1: got a tab, expected spaces"),
        ("a: @x\n", "t:1:4: got a value that begins with @, expected quotes"),
        ("a: &\n", "t:1:4: got & without a name"),
        ("a: |x\n", "t:1:5: got 'x', expected YAML"),
        ("a: \x07\n", "t:1:4: got the control character U+0007"),
        ("a: *b\n", "t:1:4: got *b, expected the name of an &anchor"),
        ("a: &b {c: *b}\n", "t:1:11: got *b, expected the name of an &anchor that ends"),
        ("a: 1\n---\nb: 2\n", "t:2:1: got a second document, expected one"),
        ("? {a: 1}\n: 2\n", "t:1:3: got a list or mapping as a key"),
        ("- " * 41 + "x", "t:1:81: got deeper nesting, expected at most 40 levels"),
    ],
)
def test_text_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_document(text, "t")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_no_depth_of_nesting_exhausts_the_stack(opening: str) -> None:
    with pytest.raises(ScenarioError, match="at most 40 levels"):
        parse_document(opening * 200_000, "t")


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "a:\n\tb", "{a: 1}}", "a: *", "[" * 2000])
def test_no_word_of_the_library_reaches_a_user(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words change with its version; the same text is told in ours whatever it says."""

    def other_words(error: yaml.MarkedYAMLError, *arguments: object) -> None:
        error.context, error.context_mark, error.problem, error.problem_mark = arguments[:4]
        error.context = error.context and "other words"
        error.problem = "other words"

    with pytest.raises(ScenarioError) as before:
        parse_document(text, "t")
    monkeypatch.setattr(yaml.MarkedYAMLError, "__init__", other_words)
    with pytest.raises(ScenarioError) as after:
        parse_document(text, "t")
    assert str(after.value) == str(before.value)


def test_brackets_in_quotes_and_comments_do_not_count() -> None:
    text = "a: '" + "[" * 50 + "'\n# " + "[" * 50 + "\nb: [1\n"
    with pytest.raises(ScenarioError, match="t:3:4: got an opening"):
        parse_document(text, "t")


def test_an_alias_bomb_is_stopped_before_it_expands() -> None:
    lines = ["a0: &a0 [" + "x, " * 9 + "x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    with pytest.raises(ScenarioError, match="at most 250000 keys and values"):
        parse_document("\n".join(lines), "t")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nname: M\u00fcnchen\n".encode("latin-1"))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    for path, message in (
        (latin, f"{latin}:2: got byte 0xfc, expected text in UTF-8"),
        (large, f"{large}: got a larger file, expected at most 8 MB of YAML"),
        (tmp_path, f"{tmp_path}: got is a directory, expected a readable file"),
        (tmp_path / "no.yaml", f"{tmp_path}/no.yaml: got no such file or directory, expected"),
    ):
        with pytest.raises(ScenarioError) as caught:
            read_document(path)
        assert str(caught.value).startswith(message)


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_document(path, "short").data == {"name": "x"}


@given(st.text(alphabet="ab1:-[]{},&*!|>#'\"%@? \n\t~<", max_size=60))
def test_any_text_is_read_or_refused_with_a_message(text: str) -> None:
    try:
        found = "\n".join(str(problem) for problem in parse_document(text, "t").problems)
    except ScenarioError as error:
        found = str(error)
    assert all(line.startswith("t:") for line in found.splitlines())


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abc NO1e:~", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("kno", min_size=1), inner),
    max_leaves=12,
)


@given(PLAIN)
def test_quoted_yaml_is_read_as_it_was_written(data: object) -> None:
    text = yaml.safe_dump(data, default_style='"')
    bare = re.sub(r'!!(?:null|int|bool) "([^"]*)"', r"\1", text)
    assert parse_document(bare, "t").data == data


def test_keys_from_python_have_to_be_text() -> None:
    with pytest.raises(ScenarioError, match="got key 3, expected a key of text"):
        from_mapping({"pools": {3: {}}})
