"""The pure middle: tables in, tables out."""
