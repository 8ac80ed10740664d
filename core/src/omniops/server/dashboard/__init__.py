"""The dashboard: pages over the services that the API stands on, with the same permissions. Every page works by links
and forms."""

from omniops.server.dashboard import door, home, inbox, plugged, settings

ROUTERS = (door.router, home.router, inbox.router, settings.router, plugged.router)
