"""The dashboard: pages over the services that the API stands on, with the same permissions. Every page works by links
and forms."""

from omniops.server.dashboard import (
    developers,
    developers_webhooks,
    door,
    home,
    inbox,
    knowledge,
    knowledge_answers,
    plugged,
    privacy,
    privacy_breaches,
    privacy_case,
    privacy_proof,
    privacy_records,
    privacy_retention,
    repairs,
    settings,
)

ROUTERS = (
    door.router,
    home.router,
    inbox.router,
    knowledge.router,
    knowledge_answers.router,
    privacy.router,
    privacy_case.router,
    privacy_retention.router,
    privacy_records.router,
    privacy_breaches.router,
    privacy_proof.router,
    developers.router,
    developers_webhooks.router,
    repairs.router,
    settings.router,
    plugged.router,
)
