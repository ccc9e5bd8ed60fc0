import copy

from sim.report.formats import GAP
from sim.report.notices import notices, source_tables


def words(markup):
    return markup.replace(GAP, " ")


def test_warnings_and_guesses_come_first(result):
    shown = words(notices(result))
    assert "edge-paris: the peak of 162 kW is above" in shown
    assert "3 numbers of this run are guesses" in shown
    assert 'href="#sources"' in shown


def test_a_run_without_warnings_and_guesses_has_no_notice(result):
    clean = copy.copy(result)
    clean.warnings, clean.provenance = [], {}
    assert notices(clean) == ""
    assert source_tables(clean) == ""


def test_one_guess_is_singular(result):
    one = copy.copy(result)
    one.warnings, one.provenance = [], {"guesses": result.provenance["guesses"][:1]}
    assert "1 number of this run is a guess and" in notices(one)


def test_a_flood_of_warnings_is_folded(result):
    many = copy.copy(result)
    many.warnings = [f"warning {number}" for number in range(30)]
    shown = notices(many)
    assert "22 more warnings" in shown
    assert "warning 29" in shown


def test_sources_show_the_kind_of_their_numbers_and_mark_guesses(result):
    shown = words(source_tables(result))
    assert '<span class="tag">4 measured</span> <span class="tag">2 fitted</span>' in shown
    assert '<span class="tag guess">2 guess</span>' in shown
    assert ">own</th>" in shown  # a source without a title is shown by its name


def test_guesses_show_their_range_and_reason(result):
    shown = words(source_tables(result))
    assert "<td>60</td><td>120</td>" in shown
    assert "between the idle powers" in shown
    assert "<td>–</td><td>–</td>" in shown


def test_versions_leave_out_what_is_unknown(result):
    shown = source_tables(result)
    assert "simpy 4.1.2, numpy 2.4.6" in shown
    assert "pandas" not in shown


def test_warnings_alone_are_enough(result):
    warned = copy.copy(result)
    warned.provenance = {}
    shown = notices(warned)
    assert "every queue was full" in shown
    assert "guess" not in shown


def test_long_tables_are_folded_away(result):
    many = copy.deepcopy(result)
    many.provenance["guesses"] *= 10
    many.provenance["sources"] *= 10
    shown = source_tables(many)
    assert "<summary>All 30 guesses</summary>" in shown
    assert "<summary>All 30 sources</summary>" in shown
    assert "<details" not in source_tables(result)
