from __future__ import annotations

from hostpod.engine.config_book import ConfigBook
from hostpod.kube import ConfigMap, Secret

APP, DB, OTHER = ("ConfigMap", "default", "app"), ("Secret", "default", "db"), ("ConfigMap", "default", "other")


def test_what_came_changed_or_went_is_told() -> None:
    book = ConfigBook()
    assert book.held == {}
    app, db = ConfigMap(data={"a": "1"}), Secret(data={"p": "cA=="})
    assert book.replace({APP: app, DB: db}) == {APP, DB}
    assert book.replace({APP: ConfigMap(data={"a": "1"}), DB: db}) == frozenset()
    assert book.replace({APP: ConfigMap(data={"a": "2"}), OTHER: app}) == {APP, DB, OTHER}
    assert book.held == {APP: ConfigMap(data={"a": "2"}), OTHER: app}
