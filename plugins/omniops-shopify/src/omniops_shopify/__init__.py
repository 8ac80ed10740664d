"""Shopify for OmniOps."""

from omniops_shopify.plugin import ShopifyPlugin

__all__ = ["ShopifyPlugin"]
