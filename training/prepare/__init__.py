"""The stage that turns raw data into a dataset: photos decoded, products split, every rejected row explained."""
