"""Rules for restart policies, of pods and of containers."""

from __future__ import annotations

from hostpod.kube import ContainerRestartRule
from hostpod.kube.container import ContainerFields
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, required

POLICIES = ("Always", "OnFailure", "Never")
ACTIONS = ("Restart", "RestartAllContainers")
OPERATORS = ("In", "NotIn")
MOST_RULES = 20
MOST_EXIT_CODES = 255


def container_restarts(path: Path, container: ContainerFields) -> Violations:
    """A container's own policy, and what it does after certain exit codes."""
    rules = container.restart_policy_rules
    yield from chosen((*path, "restartPolicy"), container.restart_policy, POLICIES)
    if rules:
        yield from required((*path, "restartPolicy"), container.restart_policy, "restartPolicyRules needs it")
    if len(rules) > MOST_RULES:
        yield Violation(path=(*path, "restartPolicyRules"), message=f"are {len(rules)} rules, at most {MOST_RULES}")
    for index, rule in enumerate(rules):
        yield from _rule((*path, "restartPolicyRules", index), rule)


def _rule(path: Path, rule: ContainerRestartRule) -> Violations:
    yield from chosen((*path, "action"), rule.action, ACTIONS)
    yield from required((*path, "exitCodes"), rule.exit_codes, "say after which exit codes")
    if rule.exit_codes is not None:
        yield from chosen((*path, "exitCodes", "operator"), rule.exit_codes.operator, OPERATORS)
        yield from required((*path, "exitCodes", "values"), rule.exit_codes.values, "write one exit code at least")
        if len(rule.exit_codes.values) > MOST_EXIT_CODES:
            yield Violation(path=(*path, "exitCodes", "values"), message=f"are more than {MOST_EXIT_CODES} exit codes")
