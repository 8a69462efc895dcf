"""The stage that measures a trained network and writes its report."""
