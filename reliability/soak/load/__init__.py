"""What the checks of long and heavy traffic share: clients, releases that can be told apart, use of resources."""
