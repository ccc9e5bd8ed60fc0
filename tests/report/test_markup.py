from hypothesis import given
from hypothesis import strategies as st

from sim.report.html.markup import Markup, join, tag, text


def test_text_of_users_is_escaped():
    assert tag("td", "<script>alert('x')</script> & co") == (
        "<td>&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; co</td>"
    )


def test_attributes_are_escaped_and_named_as_in_html():
    made = tag("a", "here", href='x" onload="y', class_="big", aria_label="a", data_x=1, title=None)
    assert made == '<a href="x&quot; onload=&quot;y" class="big" aria-label="a" data-x="1">here</a>'


def test_markup_is_not_escaped_twice():
    inner = tag("b", "1 < 2")
    assert tag("p", inner, " & ", None, inner) == "<p><b>1 &lt; 2</b> &amp; <b>1 &lt; 2</b></p>"


def test_empty_elements_close_themselves():
    assert tag("path", d="M0 0h1") == '<path d="M0 0h1"/>'


def test_control_characters_do_not_reach_the_page():
    assert text("a\x00b\x1bc\n") == "a\ufffdb\ufffdc\n"


def test_join_separates_and_escapes():
    assert join(["<", Markup("<br>")], ", ") == "&lt;, <br>"


@given(st.text())
def test_no_text_can_open_an_element(value):
    written = tag("p", value, title=value)
    assert written.count("<") == 2
    assert written.count(">") == 2
    assert written.count('"') == 2
