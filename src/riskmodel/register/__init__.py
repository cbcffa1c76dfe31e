"""The support register: measures today; plans, consents and results stand beside them later."""
