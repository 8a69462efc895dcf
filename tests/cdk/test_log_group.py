from tests.cdk.template import SynthesisedTemplate


def test_every_log_has_the_configured_retention(plain: SynthesisedTemplate, chosen: SynthesisedTemplate) -> None:
    for template, days in ((plain, 30), (chosen, 365)):
        groups = template.of_type("AWS::Logs::LogGroup")
        assert len(groups) == 5
        assert {group["RetentionInDays"] for group in groups.values()} == {days}
