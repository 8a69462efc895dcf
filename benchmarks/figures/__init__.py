"""How figures are printed, drawn and stored, and the machine that they were measured on."""
