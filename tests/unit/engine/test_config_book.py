from __future__ import annotations

import pytest

from hostpod.engine.config_book import ConfigBook
from hostpod.kube import ConfigMap, ObjectMeta, Secret

APP, DB, OTHER = ("ConfigMap", "default", "app"), ("Secret", "default", "db"), ("ConfigMap", "default", "other")


def test_what_came_changed_or_went_is_told() -> None:
    book = ConfigBook()
    assert book.held == {}
    app, db = ConfigMap(data={"a": "1"}), Secret(data={"p": "cA=="})
    assert book.replace({APP: app, DB: db}) == {APP, DB}
    assert book.replace({APP: ConfigMap(data={"a": "1"}), DB: db}) == frozenset()
    assert book.replace({APP: ConfigMap(data={"a": "2"}), OTHER: app}) == {APP, DB, OTHER}
    assert book.held == {APP: ConfigMap(data={"a": "2"}), OTHER: app}


def test_what_is_immutable_stays_as_it_was_until_it_goes(caplog: pytest.LogCaptureFixture) -> None:
    book = ConfigBook()
    fixed = ConfigMap(data={"a": "1"}, immutable=True)
    book.replace({APP: fixed})
    for changed in (ConfigMap(data={"a": "2"}, immutable=True), ConfigMap(data={"a": "1"})):
        caplog.clear()
        assert book.replace({APP: changed}) == book.replace({APP: changed}) == frozenset()
        assert book.held == {APP: fixed}
        assert caplog.messages == [
            "ConfigMap default/app is immutable and stays as it was: write the change under a new name"
        ]
    labelled = fixed.model_copy(update={"metadata": ObjectMeta(name="app")})
    assert book.replace({APP: labelled}) == {APP}
    assert book.replace({}) == {APP}
    assert book.replace({APP: ConfigMap(data={"a": "2"})}) == {APP}
