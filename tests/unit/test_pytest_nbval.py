"""Under nbval, an execution's output is compared by its text, and everything else as ever."""

from __future__ import annotations

from typing import Any

from wf_jupyter.pytest_nbval import EXECUTION_TYPE, LIST_MARK, PDF_MARK, PDF_TYPE, pytest_collection_modifyitems


class IPyNbCell:
    """Compares as nbval does, for what the plugin changes."""

    def compare_outputs(self, test: list[Any], ref: list[Any], skip_compare: Any = None) -> bool:
        return [each.get("data") for each in test] == [each.get("data") for each in ref]


def compared(test: list[Any], ref: list[Any]) -> bool:
    cell = IPyNbCell()
    pytest_collection_modifyitems([cell, object()])
    return cell.compare_outputs(test, ref)


def output(text: str, **data: object) -> dict[str, Any]:
    return {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": text, **data}}


def test_the_outcome_of_an_execution_need_not_be_that_of_the_new_run() -> None:
    stored = output(
        "w: 1 task", **{EXECUTION_TYPE: {"id": "1"}, "text/html": "<b>failed</b>", "image/svg+xml": "<svg/>"}
    )
    assert compared([output("w: 1 task", **{"text/html": "<b>plan</b>"})], [stored])
    assert compared([stored], [output("w: 1 task", **{EXECUTION_TYPE: {"id": "2"}})])
    assert not compared([output("w: 2 tasks")], [stored])


def test_other_outputs_are_compared_as_ever() -> None:
    assert compared([output("1"), {"output_type": "stream", "text": "a"}], [output("1"), {"output_type": "stream"}])
    assert not compared([output("1", **{"text/html": "a"})], [output("1", **{"text/html": "b"})])


def test_of_a_list_of_executions_the_times_and_ids_are_not_compared() -> None:
    tables = [{"text/html": f"<table {LIST_MARK}><td>{time}</td></table>"} for time in ("19:15", "19:16")]
    assert compared([output("1 execution", **tables[0])], [output("1 execution", **tables[1])])
    assert not compared([output("1 execution", **tables[0])], [output("2 executions", **tables[1])])


def test_our_own_pdf_may_be_missing_and_those_of_others_may_not() -> None:
    plan = {"image/svg+xml": "<svg/>"}
    assert compared([output("w", **plan, **{PDF_TYPE: PDF_MARK + "AAAA"})], [output("w", **plan)])
    assert not compared([output("w", **plan, **{PDF_TYPE: "JVBERi0xLjQK"})], [output("w", **plan)])
