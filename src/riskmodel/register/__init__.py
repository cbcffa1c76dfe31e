"""The register: accounts, roles, sessions and the audit. Support has its own wing, which stands on this one."""
