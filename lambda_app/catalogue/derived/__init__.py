"""What a changed catalogue needs anew: smoke cases whose neighbours it has, and its reference."""
