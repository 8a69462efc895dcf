# Sourced by scripts that run the CDK's command line, and by scripts/test: checks Node, and installs the packages of
# package-lock.json.
node_major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p') || true
if [ -z "$node_major" ] || [ "$node_major" -lt 20 ]; then
    echo "$0: Node 20 or newer is required (found: ${node_major:+version }${node_major:-none}); install it from https://nodejs.org" >&2
    exit 2
fi
if [ "$node_major" -lt 22 ]; then
    echo "$0: Node $node_major works, but gets no more security updates; 22 or newer is better" >&2
    # In place of this line, the CDK's runtime would print eleven.
    export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=$node_major
fi
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund
