"""The portal as a service of a JupyterHub that logs people in by OpenID Connect.

Lines with "example" in them are yours to change. The client's secret is no line of this file: give it to the hub as
OAUTH_CLIENT_SECRET, from a credential of systemd or of whatever starts the hub.
"""

c = get_config()  # noqa: F821  (JupyterHub gives it)

# Who people are: any provider of OpenID Connect. The claim holds the login that the register knows.
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "riskmodel-example"
c.GenericOAuthenticator.oauth_callback_url = "https://portal.example.lv/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = "https://login.example.lv/oauth2/authorize"
c.GenericOAuthenticator.token_url = "https://login.example.lv/oauth2/token"
c.GenericOAuthenticator.userdata_url = "https://login.example.lv/oauth2/userinfo"
c.GenericOAuthenticator.scope = ["openid", "profile"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.enable_pkce = True
c.GenericOAuthenticator.auto_login = True
# Everybody whom the provider knows may come to the hub. Who may see what stands in the register of the portal alone.
c.OAuthenticator.allow_all = True

# People may come to the portal, may be named to it, and may do nothing else: nobody starts a notebook server.
c.JupyterHub.load_roles = [
    {
        "name": "user",
        "scopes": ["access:services!service=portal", "read:users:name!user", "read:users:groups!user"],
    },
]
c.JupyterHub.services = [
    {
        "name": "portal",
        "url": "http://127.0.0.1:8866",
        "command": [
            "riskmodel",
            "portal",
            "--store=/srv/riskmodel/store",
            "--identity=hub",
            "--public-host=portal.example.lv",
            "--behind-https",
        ],
        "oauth_no_confirm": True,
        # Seconds that the portal may take to answer for the first time; a service that is later is not shown.
        "timeout": 120,
    },
]

# Where: the hub and its proxy on this machine, HTTPS in front of them. Without a web server of your own in front, give
# c.JupyterHub.ssl_key and ssl_cert, and let bind_url say https.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8081"
c.JupyterHub.default_url = "/services/portal/"
c.JupyterHub.cleanup_servers = True
