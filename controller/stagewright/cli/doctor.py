"""`stagewright doctor`: is everything there that a sync and a signature rest on?"""

from pathlib import Path

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Clone, Config, Format, SigningKey
from stagewright.cli.terminal import BAD, GOOD, Output, Terminal

EXAMPLES = """
    stagewright doctor
    stagewright doctor -o json | jq '.items[] | select(.well | not)'
"""


def doctor(
    terminal: Terminal,
    *,
    output: Format = Output.TABLE,
    clone: Clone = Path(),
    signing_key: SigningKey = None,
    config: Config = None,
) -> ExitCode:
    """Look at everything that a sync and your signature rest on.

    On a forge with accounts that is also what its token may do, and whether the branch's protection fits. Each line
    says what was found, or how to mend it. All checks run, whatever the others find. Exit code 1 when one is not well.
    """
    from stagewright import bootstrap
    from stagewright.app.doctor import examine, examine_forge

    settings = bootstrap.load_config(config, start=clone)
    checks = bootstrap.doctor(settings, clone, signing_key=signing_key).checks()
    with terminal.busy("looking"):
        findings = (*examine(checks), *examine_forge(lambda: bootstrap.forge_findings(settings)))
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "Doctor", findings)
        case Output.NAME:
            for finding in findings:
                if not finding.well:
                    terminal.out(finding.name)
        case _:
            for finding in findings:
                mark, style = ("✓", GOOD) if finding.well else ("✗", BAD)
                terminal.out((f"{mark} {finding.name:<16}", style), f" {finding.detail}")
                if finding.remedy:
                    terminal.out((f"  {'':<16}", ""), (" remedy: ", "bold"), finding.remedy)
    return ExitCode.YES if all(finding.well for finding in findings) else ExitCode.NO
