"""The processes that are measured: this project and its baseline, as servers, functions and single searches."""
