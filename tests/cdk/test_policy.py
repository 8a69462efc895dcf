import pytest

from tests.cdk.policy import allowed

READ = {"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "arn:aws:s3:::b/photos/*"}
LIST = {
    "Effect": "Allow",
    "Action": "s3:ListBucket",
    "Resource": "arn:aws:s3:::b",
    "Condition": {"StringLikeIfExists": {"s3:prefix": ["photos/*"]}},
}
NO_TLS = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


@pytest.mark.parametrize(
    ("statements", "action", "resource", "context", "expected"),
    [
        ([], "s3:GetObject", "arn:aws:s3:::b/photos/1", {}, False),
        ([READ], "s3:GetObject", "arn:aws:s3:::b/photos/1", {}, True),
        ([READ], "s3:getobject", "arn:aws:s3:::b/photos/1", {}, True),
        ([READ], "s3:PutObject", "arn:aws:s3:::b/photos/1", {}, False),
        ([READ], "s3:GetObject", "arn:aws:s3:::b/photos.zip", {}, False),
        ([READ, NO_TLS], "s3:GetObject", "arn:aws:s3:::b/photos/1", {}, True),
        ([READ, NO_TLS], "s3:GetObject", "arn:aws:s3:::b/photos/1", {"aws:SecureTransport": "false"}, False),
        ([LIST], "s3:ListBucket", "arn:aws:s3:::b", {}, True),
        ([LIST], "s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "photos/1"}, True),
        ([LIST], "s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "drops/"}, False),
    ],
)
def test_the_evaluator_decides_as_iam_does(
    statements: list[dict], action: str, resource: str, context: dict[str, str], expected: bool
) -> None:
    assert allowed(statements, action, resource, context) is expected


def test_the_evaluator_refuses_unknown_policy_elements() -> None:
    with pytest.raises(NotImplementedError, match="NotAction"):
        allowed([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], "s3:GetObject", "*")
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    with pytest.raises(NotImplementedError, match="IpAddress"):
        allowed(
            [{**READ, "Condition": condition}], "s3:GetObject", "arn:aws:s3:::b/photos/1", {"aws:SourceIp": "10.0.0.1"}
        )
