"""The support register: measures and risks, programmes and their dated rules; plans, consents and results stand on them."""
