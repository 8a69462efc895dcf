from tests.cdk.template import SynthesisedTemplate


def rules(template: SynthesisedTemplate) -> dict[str, dict]:
    bucket = template.of_type("AWS::S3::Bucket")[template.bucket]
    return {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}


def test_both_buckets_are_private_encrypted_owner_enforced_and_outlive_the_stack_but_not_a_failed_first_deployment(
    plain: SynthesisedTemplate,
) -> None:
    buckets = plain.of_type("AWS::S3::Bucket")
    assert len(buckets) == 2
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert "BucketName" not in bucket
        assert plain.body["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert plain.body["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_the_store_is_versioned_logged_and_sends_events_without_a_helper_function(
    plain: SynthesisedTemplate,
) -> None:
    store = plain.of_type("AWS::S3::Bucket")[plain.bucket]
    assert store["VersioningConfiguration"] == {"Status": "Enabled"}
    assert store["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert store["LoggingConfiguration"]["DestinationBucketName"] in plain.of_type("AWS::S3::Bucket")
    assert store["LoggingConfiguration"]["DestinationBucketName"] != plain.bucket
    assert len(plain.of_type("AWS::Lambda::Function")) == 3  # the API, its check and the promoter


def test_only_temporary_objects_and_old_versions_expire(plain: SynthesisedTemplate) -> None:
    found = rules(plain)
    assert found["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert found["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    expiring = {rule.get("Prefix"): rule["ExpirationInDays"] for rule in found.values() if "ExpirationInDays" in rule}
    assert expiring == {"uploads/": 1, "drops/": 30, "training/checkpoints/": 14}
    # What expires becomes an old version; without its own rule, a shopper's photo would stay for 30 days more.
    for name in ("uploads", "drops", "checkpoints"):
        assert found[name]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert all(rule["Status"] == "Enabled" for rule in found.values())


def test_cors_lets_pages_of_the_given_origins_post_to_the_bucket(
    plain: SynthesisedTemplate, chosen: SynthesisedTemplate
) -> None:
    assert "CorsConfiguration" not in plain.of_type("AWS::S3::Bucket")[plain.bucket]
    (rule,) = chosen.of_type("AWS::S3::Bucket")[chosen.bucket]["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://shop.example", "https://www.shop.example:8443"]
    assert rule["AllowedMethods"] == ["GET", "POST"]
