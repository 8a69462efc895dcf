"""What the public meets first: a domain name, or CloudFront with a firewall before the API."""
