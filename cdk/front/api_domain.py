"""A host name for the API itself, without CloudFront."""

from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_certificatemanager as acm
from constructs import Construct

from cdk.front.names import Target, add_records


class ApiDomain(Construct):
    """API Gateway's custom domain: TLS 1.2 or newer, IPv4 and IPv6.

    Attributes:
        url: the public address, without a trailing slash.
        mapping: what the API's stage takes, so that the host name leads to it.
        target: what the host name must point to.
    """

    def __init__(self, scope: Construct, id: str, *, domain: str, certificate: str, hosted_zone: str | None) -> None:
        """Make the domain, and its DNS records if a hosted zone is given.

        Args:
            certificate: ARN of a certificate of the stack's region.
        """
        super().__init__(scope, id)
        name = apigw.DomainName(
            self,
            "Name",
            domain_name=domain,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", certificate),
            security_policy=apigw.SecurityPolicy.TLS_1_2,
            ip_address_type=apigw.IpAddressType.DUAL_STACK,
        )
        self.url = f"https://{domain}"
        self.mapping = apigw.DomainMappingOptions(domain_name=name)
        self.target = Target(name.regional_domain_name, name.regional_hosted_zone_id)
        if hosted_zone:
            add_records(self, domain=domain, hosted_zone=hosted_zone, target=self.target)
