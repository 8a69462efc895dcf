"""What differs between AWS regions. Pure Python: no AWS, no jsii.

Sources, read in November 2026: the registries of `pytorch` in the SageMaker SDK (sagemaker-core 2.27.0), and the
resource types of each region in CloudFormation's registry, as cfn-lint 1.58 has them.
"""

DEFAULT_REGION = "us-east-1"
# CloudFront belongs to no region, but its certificates, firewalls and log deliveries are made in this one.
GLOBAL_REGION = "us-east-1"
# Partitions other than `aws` by their regions' names. CloudFront is not in them, or is another service there (China).
_OTHER_PARTITIONS = ("cn-", "us-gov-", "eusc-", "us-iso", "eu-iso")

# The account of AWS's deep learning containers, for every public region.
_MOST_REGIONS = "763104351884"
CONTAINER_ACCOUNTS = {
    **dict.fromkeys(
        (
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ca-central-1",
            "eu-central-1",
            "eu-north-1",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ),
        _MOST_REGIONS,
    ),
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "eusc-de-east-1": "204133271717",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}
# Amazon Cognito has no user pools in these regions, or CloudFormation no types for them.
WITHOUT_USER_POOLS = frozenset(("cn-north-1", "cn-northwest-1", "me-west-1"))
# CloudFormation has no type AWS::S3Vectors::VectorBucket in these regions. Whether S3 Vectors is in a region is not
# known here: botocore's table of endpoints has no entry for it.
WITHOUT_VECTOR_BUCKETS = frozenset(("il-central-1", "me-central-1", "me-west-1"))
# Host names of Cognito's sign-in page differ in GovCloud.
FIPS_ONLY = frozenset(("us-gov-east-1", "us-gov-west-1"))
# CloudFormation has the type AWS::Budgets::Budget in these regions. A budget counts the costs of all regions, so it may
# also be made by hand in the console.
WITH_BUDGETS = frozenset(
    (
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eusc-de-east-1",
        "me-south-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    )
)


def without_cloudfront(region: str) -> bool:
    """Whether a stack in this region cannot have a distribution of CloudFront."""
    return region.startswith(_OTHER_PARTITIONS)
